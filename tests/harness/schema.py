"""A validator for our own JSON Schema (doc/results.schema.json).

It knows as much of draft 2020-12 as that uses, and refuses a schema that uses more. One
thing is stricter than the draft: `closed` also complains of members that the schema does
not name, so that nothing is printed that is not documented.
"""

import json
import re
from pathlib import Path

RESULTS = Path(__file__).resolve().parent.parent.parent / "doc" / "results.schema.json"
# What says nothing about what is valid.
ANNOTATIONS = {"$schema", "$id", "$defs", "title", "description", "format"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool,
         "number": (int, float), "integer": int, "null": type(None)}


def is_type(value, name):
    if isinstance(value, bool):
        return name == "boolean"
    if name == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, TYPES[name])


def same(one, other):
    """Equal as JSON has it: 1 is 1.0, but not true."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


class Schema:
    def __init__(self, document):
        self.document = document

    def errors(self, value, start="#", closed=True):
        """What is wrong with a value, line by line: an empty list when it is valid.
        `start` names the part of the document that it must match."""
        return self._check(value, {"$ref": start}, "", closed)[0]

    def _find(self, reference):
        found = self.document
        for part in reference.lstrip("#").strip("/").split("/"):
            found = found[part] if part else found
        return found

    def _check(self, value, schema, path, closed):
        """(errors, names of the members that some part of the schema knows)"""
        errors, known = [], set()
        for word, rule in schema.items():
            if word in ANNOTATIONS or word in ("then", "else"):
                continue
            check = getattr(self, "_" + word.lstrip("$"), None)
            if check is None:
                raise ValueError(f"the schema uses {word}, which is not known here")
            found, names = check(value, rule, path, closed, schema)
            errors += found
            known |= names
        if closed and schema.get("type") == "object" and isinstance(value, dict):
            errors += [f"{path}: nobody knows {name!r}" for name in value.keys() - known]
        return errors, known

    # Each checks one keyword of a schema.

    def _ref(self, value, rule, path, closed, _schema):
        return self._check(value, self._find(rule), path, closed)

    def _type(self, value, rule, path, _closed, _schema):
        names = rule if isinstance(rule, list) else [rule]
        good = any(is_type(value, name) for name in names)
        return [] if good else [f"{path}: {value!r} is no {' or '.join(names)}"], set()

    def _const(self, value, rule, path, _closed, _schema):
        return [] if same(value, rule) else [f"{path}: {value!r} is not {rule!r}"], set()

    def _enum(self, value, rule, path, _closed, _schema):
        good = any(same(value, one) for one in rule)
        return [] if good else [f"{path}: {value!r} is none of {rule}"], set()

    def _properties(self, value, rule, path, closed, _schema):
        errors = []
        if isinstance(value, dict):
            for name in rule.keys() & value.keys():
                errors += self._check(value[name], rule[name], f"{path}/{name}", closed)[0]
        return errors, set(rule)

    def _required(self, value, rule, path, _closed, _schema):
        missing = [name for name in rule if isinstance(value, dict) and name not in value]
        return [f"{path}: there is no {name!r}" for name in missing], set()

    def _items(self, value, rule, path, closed, _schema):
        errors = []
        for at, one in enumerate(value if isinstance(value, list) else ()):
            errors += self._check(one, rule, f"{path}/{at}", closed)[0]
        return errors, set()

    def _minItems(self, value, rule, path, _closed, _schema):
        few = isinstance(value, list) and len(value) < rule
        return [f"{path}: has less than {rule} items"] if few else [], set()

    def _uniqueItems(self, value, rule, path, _closed, _schema):
        texts = [json.dumps(one, sort_keys=True) for one in value] \
            if rule and isinstance(value, list) else []
        twice = len(texts) != len(set(texts))
        return [f"{path}: something is in it twice"] if twice else [], set()

    def _minimum(self, value, rule, path, _closed, _schema):
        low = is_type(value, "number") and value < rule
        return [f"{path}: {value} is less than {rule}"] if low else [], set()

    def _exclusiveMinimum(self, value, rule, path, _closed, _schema):
        low = is_type(value, "number") and value <= rule
        return [f"{path}: {value} is not more than {rule}"] if low else [], set()

    def _maximum(self, value, rule, path, _closed, _schema):
        high = is_type(value, "number") and value > rule
        return [f"{path}: {value} is more than {rule}"] if high else [], set()

    def _pattern(self, value, rule, path, _closed, _schema):
        whole = re.sub(r"\$\Z", r"\\Z", rule)  # a $ of the draft is the very end
        bad = isinstance(value, str) and re.search(whole, value) is None
        return [f"{path}: {value!r} is not like {rule}"] if bad else [], set()

    def _allOf(self, value, rule, path, closed, _schema):
        found = [self._check(value, one, path, closed) for one in rule]
        return ([error for errors, _ in found for error in errors],
                set().union(*(known for _, known in found)))

    def _anyOf(self, value, rule, path, closed, _schema, most=None):
        found = [self._check(value, one, path, closed) for one in rule]
        good = [known for errors, known in found if not errors]
        if not good:
            return min((errors for errors, _ in found), key=len), set()
        if len(good) > (most or len(rule)):
            return [f"{path}: fits {len(good)} alternatives"], set()
        return [], set().union(*good)

    def _oneOf(self, value, rule, path, closed, schema):
        return self._anyOf(value, rule, path, closed, schema, most=1)

    def _not(self, value, rule, path, closed, _schema):
        fits = not self._check(value, rule, path, closed)[0]
        return [f"{path}: must not be like {rule}"] if fits else [], set()

    def _if(self, value, rule, path, closed, schema):
        errors, known = self._check(value, rule, path, False)
        branch = schema.get("else" if errors else "then", {})
        found, names = self._check(value, branch, path, closed)
        return found, names | (set() if errors else known)


def results():
    """The schema of what --format json prints."""
    return Schema(json.loads(RESULTS.read_text()))
