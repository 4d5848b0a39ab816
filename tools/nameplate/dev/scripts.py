"""What is run on the board: MicroPython, in as few words as it takes, for it is compiled there."""

from __future__ import annotations

from collections.abc import Iterable

_HASH = """
import os,hashlib,binascii
def h(p):
 s=hashlib.sha256();b=bytearray(1024);m=memoryview(b)
 with open(p,'rb') as f:
  while 1:
   n=f.readinto(b)
   if not n:break
   s.update(m[:n])
 print('F',binascii.hexlify(s.digest()).decode(),p)
def w(d):
 for e in os.ilistdir(d):
  p=d+'/'+e[0]
  if e[1]==0x4000:w(p)
  else:h(p)
def r():
 for e in os.ilistdir('/'):
  if e[1]!=0x4000:h('/'+e[0])
def t(f,p):
 try:f(p)
 except OSError:pass
"""
RECEIVED = "."

# One line each: F hash path, S slot, D whether it keeps its prompt, M model.
LOOK = (
    _HASH
    + """
t(w,'/a')
t(w,'/b')
r()
import sys,json
print('S',sys.path[0])
try:
 import esp32
 print('D',esp32.NVS('nameplate').get_i32('dev'))
except (ImportError,OSError):print('D 0')
try:
 with open(sys.path[0]+'/models/profile.json') as f:print('M',json.load(f)['model'])
except (OSError,ValueError,KeyError):pass
"""
)


def look_at(slot: str) -> str:
    """The files of one slot, and those of the root."""
    return _HASH + f"t(w,{slot!r})\nr()\n"


def receive() -> str:
    """Begin a file: `w` takes it in pieces."""
    return f"""
import os,binascii
f=open('/push.z','wb')
def w(s):
 f.write(binascii.a2b_base64(s))
 print({RECEIVED!r})
"""


def unpack(place: str) -> str:
    """End it, and put what was received in its place."""
    return f"""
import deflate
f.close()
b=bytearray(1024);m=memoryview(b)
with open('/push.z','rb') as f,open({place!r},'wb') as g:
 d=deflate.DeflateIO(f,deflate.ZLIB)
 while 1:
  n=d.readinto(b)
  if not n:break
  g.write(m[:n])
os.remove('/push.z')
"""


def prepare(folders: Iterable[str], remove: Iterable[str], copies: Iterable[tuple[str, str]]) -> str:
    """Remove files, make folders, and copy what the board has already."""
    return f"""
import os
def t(f,p):
 try:f(p)
 except OSError:pass
for p in {list(remove)!r}:t(os.remove,p)
for p in {list(folders)!r}:t(os.mkdir,p)
b=bytearray(1024);m=memoryview(b)
for s,d in {list(copies)!r}:
 with open(s,'rb') as f,open(d,'wb') as g:
  while 1:
   n=f.readinto(b)
   if not n:break
   g.write(m[:n])
"""


def switch(entries: Iterable[str], slot: str) -> str:
    """Put new entry files in their places, and start from `slot` next time. Each step is whole or not at all.

    What failed before the new code is forgotten: main.py would start every other time from the other slot.
    """
    return f"""
import os,machine
machine.RTC().memory(b'')
for p in {list(entries)!r}:os.rename(p+'.new',p)
with open('/slot.new','w') as f:f.write({slot.strip("/")!r})
os.rename('/slot.new','/slot')
"""
