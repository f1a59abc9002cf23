"""学生: the person, the enrolment, its numbers, its claim on the identity, and what a sheet or a form says of it."""
