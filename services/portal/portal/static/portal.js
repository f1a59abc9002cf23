/* Comfort only: every page works without it. */
(function () {
  "use strict";

  // A form goes out once; the services would answer a second time with the first answer anyway.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    form.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(function (form) {
      delete form.dataset.sent;
      form.removeAttribute("aria-busy");
    });
  });

  // One box for all boxes of a name, with how many are ticked.
  document.querySelectorAll("[data-all]").forEach(function (label) {
    var all = label.querySelector("input");
    var word = label.querySelector("span");
    var boxes = Array.prototype.slice.call(document.querySelectorAll("input[name='" + label.dataset.all + "']"));
    function count() {
      var ticked = boxes.filter(function (box) { return box.checked; }).length;
      all.checked = ticked > 0 && ticked === boxes.length;
      all.indeterminate = ticked > 0 && ticked < boxes.length;
      word.textContent = ticked ? "已选 " + ticked : "全选";
    }
    if (!boxes.length) return;
    label.hidden = false;
    all.addEventListener("change", function () {
      boxes.forEach(function (box) { box.checked = all.checked; });
      count();
    });
    boxes.forEach(function (box) { box.addEventListener("change", count); });
    count();
  });

  // A choice that only filters needs no button.
  document.querySelectorAll("form[data-auto] select").forEach(function (select) {
    select.addEventListener("change", function () { select.form.submit(); });
  });

  // Keys: n and p for the next and the previous, / for the search. Never while somebody writes.
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    if (event.key === "/") {
      var search = document.getElementById("top-search");
      if (search) {
        event.preventDefault();
        search.focus();
      }
      return;
    }
    var target = document.querySelector("[data-key='" + (/^[a-z]$/.test(event.key) ? event.key : "") + "']");
    if (target) target.click();
  });

  var told = document.getElementById("told");
  if (told) told.focus();
})();
