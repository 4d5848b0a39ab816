"""The first token of a boot: whether there may be one, what it may name as its last, and what it says beside the rest.

Needed once, when the board starts.
"""

import json


def continues(outbox, nvs, bootcount):
    """Settle what the first token of this boot may name. Returns whether tokens may be made at all.

    Where there is no file system tokens are sent from RAM, and a later boot must not name an older one as the last:
    that forks the chain. So such a boot is kept in mind in `nvs` (get_i32, set_i32, commit), key "unstored".
    """
    try:
        if outbox.persistent:
            unstored = nvs.get_i32("unstored")
            if unstored is not None:
                outbox.unchain(unstored)
        else:
            nvs.set_i32("unstored", bootcount)
            nvs.commit()
    except OSError:
        return False
    return True


def first_claims(unit, version, reset):
    """What the first token of a boot says beside the rest. `reset`: why this boot came about, in one word."""
    text = f'"oemid":{unit.oemid},"hwmodel":{json.dumps(unit.hwmodel)}'
    text += f',"hwversion":{_texts(unit.hwversion)},"swversion":{_texts([version])},"dbgstat":"enabled"'
    if unit.dev:
        text += ',"dev":true'
    return text + ',"reset":' + json.dumps(reset)


def _texts(values):
    return "[" + ",".join([json.dumps(value) for value in values]) + "]"
