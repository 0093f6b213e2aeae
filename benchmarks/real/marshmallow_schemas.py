"""Marshmallow: loading with validation and dumping of nested records."""

import inputs
from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validate, validates

DEFAULT_SIZE = 4200
PACKAGES = ("marshmallow",)


class Record:
    def __init__(self, **values):
        self.__dict__.update(values)


class RecordSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    id = fields.Integer(required=True, validate=validate.Range(min=0))
    name = fields.String(required=True, validate=validate.Length(1, 40))
    active = fields.Boolean(load_default=False)
    score = fields.Float(validate=validate.Range(0, 100))
    tags = fields.List(fields.String(validate=validate.Regexp("[a-z]+$")))
    parent = fields.Integer(allow_none=True)
    children = fields.List(fields.Nested(lambda: RecordSchema()))
    properties = fields.Dict(keys=fields.String(), values=fields.Integer())

    @validates("name")
    def no_zebra(self, value, **_kwargs):
        if value.startswith("zazaza"):
            raise ValidationError("no zebras")

    @post_load
    def make(self, data, **_kwargs):
        return Record(**data)


def run(step, size):
    schema = RecordSchema()
    for i in range(size):
        rng = inputs.generator(i)
        data = [inputs.record(rng, 2) for _ in range(2)]
        try:
            loaded = schema.load(data, many=True)
            dumped = schema.dump(loaded, many=True)
        except ValidationError as error:
            dumped = str(error.messages)
        broken = [{"id": -1, "name": "", "tags": ["A B"], "score": "x", "children": [{"id": "no"}]}]
        try:
            schema.load(broken, many=True)
            errors = "none"
        except ValidationError as error:
            errors = str(error.messages)
        step([dumped, errors])
