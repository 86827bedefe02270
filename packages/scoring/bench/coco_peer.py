"""The COCO caption scorers (pycocoevalcap) on the captions of the benchmark: scores, and seconds for each part.

Usage: python coco_peer.py FOLDER; reads FOLDER/captions.json, writes FOLDER/peer.json.
"""

import contextlib
import json
import shutil
import sys
import time
from pathlib import Path

from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

folder = Path(sys.argv[1])
captions = json.loads((folder / "captions.json").read_text())
seconds = {}


def timed(name, work):
    start = time.perf_counter()
    with contextlib.redirect_stdout(sys.stderr):
        result = work()
    seconds[name] = time.perf_counter() - start
    return result


def tokenised():
    """By Java where there is one; elsewhere as the benchmark has cut them."""
    if shutil.which("java") is None:
        return captions["hypothesisTokens"], captions["referenceTokens"]
    tokenizer = PTBTokenizer()
    hypotheses = {i: [{"caption": text}] for i, text in enumerate(captions["hypotheses"])}
    references = {i: [{"caption": text} for text in texts] for i, texts in enumerate(captions["references"])}
    found = timed("tokens", lambda: (tokenizer.tokenize(hypotheses), tokenizer.tokenize(references)))
    return [found[0][i][0] for i in hypotheses], [found[1][i] for i in references]


hypotheses, references = tokenised()
results = {i: [text] for i, text in enumerate(hypotheses)}
truths = dict(enumerate(references))
def scored():
    return Bleu(4).compute_score(truths, results, verbose=0), Rouge().compute_score(truths, results), Cider().compute_score(truths, results)


(bleu, bleu_each), (rouge, rouge_each), (cider, cider_each) = timed("scores", scored)
(folder / "peer.json").write_text(
    json.dumps(
        {
            "seconds": [{"tokens": seconds.get("tokens"), "scores": seconds["scores"]}],
            "tokens": {"hypotheses": hypotheses, "references": references},
            "corpus": {**{f"bleu_{n + 1}": value for n, value in enumerate(bleu)}, "rouge_l": float(rouge), "cider_d": float(cider)},
            "perImage": {
                **{f"bleu_{n + 1}": list(values) for n, values in enumerate(bleu_each)},
                "rouge_l": [float(value) for value in rouge_each],
                "cider_d": [float(value) for value in cider_each],
            },
        }
    )
)
