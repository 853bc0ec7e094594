"""The structure of this project, as its folders and pyproject.toml say it."""
