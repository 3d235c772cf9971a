"""Protobuf messages by schemas of our own, which name only the fields that are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

MAP: Final = "map<string, bytes>"
_TYPES: Final = {
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "string": FieldDescriptorProto.TYPE_STRING,
    "fixed64": FieldDescriptorProto.TYPE_FIXED64,
    "int32": FieldDescriptorProto.TYPE_INT32,
}


class Field(NamedTuple):
    """A field of a message."""

    number: int
    kind: str = "bytes"
    """A type of protobuf, the name of another message, or `MAP`."""
    repeated: bool = False


Fields = Mapping[str, Field]
"""The fields of a message, by name."""


def message_classes(package: str, schemas: Mapping[str, Fields]) -> dict[str, Any]:
    """Return the class of each message by its name; no other messages may be in `package`."""
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in schemas.items():
        _declare(file.message_type.add(name=name), package, fields)
    pool = DescriptorPool()
    pool.Add(file)
    return {name: GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in schemas}


def _declare(message: DescriptorProto, package: str, fields: Fields) -> None:
    for name, (number, kind, repeated) in fields.items():
        many = repeated or kind == MAP
        label = FieldDescriptorProto.LABEL_REPEATED if many else FieldDescriptorProto.LABEL_OPTIONAL
        field = message.field.add(name=name, number=number, label=label)
        if kind in _TYPES:
            field.type = _TYPES[kind]
        elif kind == MAP:
            entry = message.nested_type.add(name=f"{name.capitalize()}Entry")
            entry.options.map_entry = True
            _declare(entry, package, {"key": Field(1, "string"), "value": Field(2)})
            field.type_name = f".{package}.{message.name}.{entry.name}"
        else:
            field.type_name = f".{package}.{kind}"
