"""Makes a C file and header that hold a text: embed_text.py IN NAME OUT.c OUT.h"""
import sys

source, name, c_file, h_file = sys.argv[1:]
data = open(source, 'rb').read()
rows = [', '.join(str(b) for b in data[i:i + 20]) for i in range(0, len(data), 20)]
with open(h_file, 'w') as out:
    out.write(f'#include <stddef.h>\nextern const unsigned char {name}[];\nextern const size_t {name}_size;\n')
with open(c_file, 'w') as out:
    out.write(f'#include "{h_file.rsplit("/", 1)[-1]}"\n')
    out.write(f'const unsigned char {name}[] = {{\n' + ',\n'.join(rows) + '};\n')
    out.write(f'const size_t {name}_size = {len(data)};\n')
