# As it is called where it is copied to: beside a model's model.py.
from repository.copied.stage_answers import *
