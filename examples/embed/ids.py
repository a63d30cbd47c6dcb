#!/usr/bin/env python3
"""Token ids for embed: ids.py tokenizer.json <sentences.txt >sentences.ids

A line per sentence in, a line of ids out. Needs the tokenizers package (pip install tokenizers).
"""

import sys

from tokenizers import Tokenizer

LONGEST = 256  # max_seq_length of all-MiniLM-L6-v2, in its sentence_bert_config.json


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    tokenizer = Tokenizer.from_file(sys.argv[1])
    tokenizer.no_padding()
    tokenizer.enable_truncation(LONGEST)
    for line in sys.stdin:
        print(*tokenizer.encode(line.rstrip("\n")).ids)


if __name__ == "__main__":
    main()
