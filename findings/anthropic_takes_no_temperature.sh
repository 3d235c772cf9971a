#!/usr/bin/env bash
# anthropic 2.14.0: `messages.create` and `messages.stream` have no arguments `temperature`, `top_p` and `top_k` any more, nor has 1.0.0: they raise a
# TypeError before anything is sent. 0.60.0 has them. What asks for them now goes by `extra_body`, which instrumentations
# that read the arguments of `create` do not see; the body of the request has them.
#
# Seen: "0.60.0: ['temperature', 'top_k', 'top_p']", "2.14.0: []".
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in 0.60.0 2.14.0; do
  python3 -m venv "$folder/$version"
  "$folder/$version/bin/pip" install --quiet "anthropic==$version"
  "$folder/$version/bin/python" - "$version" <<'PY' | tee -a "$folder/seen"
import inspect
import sys

from anthropic.resources.messages import Messages

taken = [set(inspect.signature(method).parameters) for method in (Messages.create, Messages.stream)]
assert taken[0] >= {"model", "max_tokens", "messages"}
print(f"{sys.argv[1]}: {sorted({'temperature', 'top_p', 'top_k'} & taken[0] & taken[1])}")
PY
done
diff "$folder/seen" - <<'SEEN'
0.60.0: ['temperature', 'top_k', 'top_p']
2.14.0: []
SEEN
