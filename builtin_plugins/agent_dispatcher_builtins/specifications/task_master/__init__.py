"""The format of Task Master: ``tasks.json``, flat or tagged. What is read and what becomes of it stands in ``docs/formats-task-master.md``."""
