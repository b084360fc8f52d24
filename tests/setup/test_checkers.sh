#!/usr/bin/env bash
# The checks of the source text find what they are for, and are content with clean text.
. "$(dirname "$0")/world.sh"
tree=$world/tree
mkdir -p "$tree"/{include/fovea,src/base,src/media,src/net,src/flow,apps,scripts}
touch "$tree/scripts/size-allow.txt"

write() { # write FILE: stdin into the tree
    cat >"$tree/$1"
}
content() { # content CHECK...: it finds nothing
    "$python" "$root/scripts/$1" "${@:2}" "$tree" >"$world/out" 2>&1 || die "$* found: $(cat "$world/out")"
}
finds() { # finds TEXT CHECK...: it ends with 1 and names the offence
    if "$python" "$root/scripts/$2" "${@:3}" "$tree" >"$world/out" 2>&1; then die "${*:2} did not find: $1"; fi
    said "$1"
}

write include/fovea/frame.h <<'C'
#include <stdint.h>
/* Opens a frame. Thread-safety: safe. Blocks: no. */
FOV_API int fov_frame_open(int width);
C
write src/flow/worker.c <<'C'
#include <fovea/frame.h>
#include "media/jpeg.h"
/* exit( in a comment */
static int run(const char *text)
{
    return text == "abort(";
}
C
content check_layers.py
content check_docs.py
content check_style.py banned
content check_style.py size

echo '#include "flow/worker.h"' | write src/media/jpeg.c
finds "src/media/jpeg.c:1: .*flow/ is above media/" check_layers.py
echo '#include "net/net.h"' | write src/media/jpeg.c
finds "media/ and net/ are siblings" check_layers.py
echo '#include "../net/net.h"' | write src/media/jpeg.c
finds "name the room instead of" check_layers.py
echo '#include <event2/buffer.h>' | write src/media/jpeg.c
finds "known to net/ only" check_layers.py
rm "$tree/src/media/jpeg.c"
mkdir "$tree/src/utils" && echo 'int x;' | write src/utils/x.c
finds "utils is not a room" check_layers.py
rm -r "$tree/src/utils"

printf '/* Opens. Blocks: no. */\nFOV_API int fov_frame_close(int x);\n' | write include/fovea/close.h
finds "fov_frame_close lacks Thread-safety:" check_docs.py
printf 'FOV_API int fov_frame_close(int x);\n' | write include/fovea/close.h
finds "fov_frame_close lacks Thread-safety:, Blocks:" check_docs.py
rm "$tree/include/fovea/close.h"

printf 'void stop(void)\n{\n    exit(1);\n}\n' | write src/base/stop.c
finds "src/base/stop.c:3: exit() is banned" check_style.py banned
{ printf 'int long_one(int a,\n             int b)\n{\n'; printf '    a++;\n%.0s' $(seq 90); printf '}\n'; } | write src/base/stop.c
finds "long_one() has 9[0-9] lines" check_style.py size
echo "src/base/stop.c:long_one a table" | write scripts/size-allow.txt
content check_style.py size
printf 'int x;\n%.0s' $(seq 601) | write src/base/stop.c
finds "the file has 601 lines" check_style.py size
