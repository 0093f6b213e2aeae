"""Small programs about the order of deaths: one for each way in which an object may die.

``;;`` stands for the end of a line of ``f``'s body.
"""

HELPERS = '''
def h(x, y=K): event()
def h3(x, y, z): return y
def hs(*rest): event()
def hk(*, k, j=K): event()
def hw(**words): event()
def drop(x): del x; event()
def rebind(x): x = None; event()
def drop2(x, y): del x; event(); del y; event()
def reb2(x, y): x = y; event()
def sdrop(*rest): del rest; event()
def wdrop(**words): del words; event()
def kdrop(*, k): del k; event()
def ret(x, y=K): return x
def six(a, b, c, d, e, g): event()
def sixdrop(a, b, c, d, e, g): del c; event()
def mixed(x, *rest, k=K, **words): event()
def gen(x): yield x
def cell(x):
    def inner(): return x
    event()
    return inner
def celldrop(x):
    def inner(): return x
    del inner, x
    event()
def boomdef(x):
    boom()
class C:
    def __init__(self, x=None, y=None): event()
    def m(self, x, y=K): event()
    def md(self, x): del x; event()
    def sd(self): del self; event()
    @staticmethod
    def s(x, y=K): event()
    @staticmethod
    def st(x): del x; event()
    @classmethod
    def c(cls, x, y=K): event()
    @classmethod
    def cd(cls, x): del x; event()
    def __del__(self): log.append('C')
class CI:
    def __init__(self, x): del x; event()
class Raises(D):
    name = 'Raises'
    def __init__(self, x, y): del y; boom()
class Returns(D):
    name = 'Returns'
    def __init__(self, x, y): return D('r')
class CN(D):
    name = 'CN'
    def __new__(cls, x): return object.__new__(cls)
    def __init__(self, x): event()
'''

CASES = r"""
h(D('a'), D('b'))
h(D('a'))
h(x=D('a'), y=D('b'))
h(D('a'), y=D('b'))
h3(D('a'), D('b'), D('c'))
h3(D('a'), z=D('b'), y=D('c'))
hs(D('a'), D('b'))
hs(*[D('a'), D('b')])
hs(*(D('a'), D('b')))
h(*[D('a'), D('b')])
h(*(D('a'), D('b')))
hk(k=D('a'), j=D('b'))
hk(j=D('a'), k=D('b'))
hw(k=D('a'), j=D('b'))
hw(**{'k': D('a'), 'j': D('b')})
h(**{'x': D('a'), 'y': D('b')})
drop(D('a'))
rebind(D('a'))
drop(x=D('a'))
drop(*[D('a')])
drop(**{'x': D('a')})
drop2(D('a'), D('b'))
drop2(y=D('a'), x=D('b'))
reb2(D('a'), D('b'))
sdrop(D('a'), D('b'))
wdrop(k=D('a'), j=D('b'))
kdrop(k=D('a'))
ret(D('a'), D('b'))
e = ret(D('a'), D('b'))
six(D('a'), D('b'), D('c'), D('d'), D('e'), D('f'))
sixdrop(D('a'), D('b'), D('c'), D('d'), D('e'), D('f'))
mixed(D('a'), D('b'), D('c'), k=D('d'), w=D('e'))
mixed(D('a'), k=D('d'), w=D('e'))
list(gen(D('a')))
cell(D('a'))
celldrop(D('a'))
try: boomdef(D('a')); B;;except ValueError: event()
C().m(D('a'), D('b'))
C().m(D('a'))
C().md(D('a'))
C().m(x=D('a'), y=D('b'))
C().sd()
C.s(D('a'), D('b'))
C.st(D('a'))
C.c(D('a'), D('b'))
C.cd(D('a'))
C(D('a'), D('b'))
C(D('a'), y=D('b'))
C(*[D('a'), D('b')])
CI(D('a'))
CN(D('a'))
CI(x=D('a'))
Sub('a', D('b'), D('c'))
Sub('a', D('b'), D('c'), key=D('d'))
c = C();;c.m(D('a'), D('b'))
c = C();;c.md(D('a'))
c = C();;g = c.m;;g(D('a'), D('b'))
c = C();;g = c.md;;g(D('a'))
D('a') + D('b')
D('a') == D('b')
D('a') != D('b')
D('a') < D('b')
D('a') < D('b') < D('c')
D('a') is D('b')
D('a') is not D('b')
[D('a')] is {'k': D('b')}
Raises(D('a'), D('b'))
Returns(D('a'), D('b'))
Returns(x=D('a'), y=D('b'))
Raises(x=D('a'), y=D('b'))
(D('a'), D('b')) is not [D('c')]
{1: D('a')}(D('b'))
[D('a')](D('b'), D('c'))
{1: D('a')}[[D('b')]] = D('c')
D('a') is None
D('a') in D('b')
D('a') not in D('b')
D('a') in [D('b')]
D('a') in (D('b'),)
D('a') in {D('b'): 1}
-D('a')
not D('a')
1 + D('a')
D('a') + 1
2 * D('a')
D('a') * D('b')
a = D('a');;a += D('b')
a = D('a');;a = a + D('b')
a = D('a');;a = D('b')
a = D('a');;a = a.stay()
D('a')[D('b')]
D('a')[0]
D('a')[D('b')] = D('c')
D('a')[0] = D('c')
[D('a'), D('b')][0] = D('c')
[D('a'), D('b')][0]
(D('a'), D('b'))[0]
[D('a'), D('b')][-1]
[D('a'), D('b')][D('c')]
{'k': D('a')}['k'] = D('b')
{'k': D('a')}['k']
{D('a'): D('b')}[D('c')]
{D('a'): D('b')}[D('c')] = D('d')
{D('a'): D('b')}
del D('a')[D('b')]
del D('a').child
D('a').child = D('b')
D('a').other = D('b')
D('a').prop = D('b')
D('a').child
D('a').prop
D('a').stay()
D('a').method(D('b'))
D('a').method(x=D('b'))
D('a').missing
D('a', D('b')).child
D('a', D('b')).child.name
D('a', D('b')).child = D('c')
a = D('a', D('b'));;a.child = D('c')
a = D('a', D('b'));;a.child += D('c')
a = D('a', D('b'));;del a.child
a = D('a', D('b'));;a.__dict__.clear()
a = D('a');;a[D('b')] += D('c')
Slots(D('a'), D('b')).a
Slots(D('a'), D('b')).a = D('c')
Slots(D('a'), D('b'))
[D('a'), D('b')]
(D('a'), D('b'))
{'k': D('a'), 'j': D('b')}
{D('a'), D('b')}
{[D('a')], D('b'), D('c')}
{D('a'), D('b'), [D('c')], D('d')}
[*[D('a'), D('b')], D('c')]
(D('a'), *[D('b'), D('c')])
{**{'k': D('a')}, 'k': D('b')}
[D('a'), D('b')] + [D('c')]
(D('a'),) + (D('b'),)
[D('a'), D('b')] * 2
[D('a')] == [D('b')]
(D('a'),) == (D('b'),)
[D('a')] < [D('b')]
[D('a'), D('b'), D('c')][1:]
(D('a'), D('b'), D('c'))[1:]
[D('a'), D('b'), D('c')][D('a'):D('b')]
D('a')[D('b'):D('c')]
D('a')[D('b'):D('c')] = D('d')
del D('a')[D('b'):D('c')]
[D('a'), D('b')][:1] = [D('c')]
a, b = D('a'), D('b')
a, b = [D('a'), D('b')]
a, b = (D('a'), D('b'))
a, b = D('a')
a = b = D('a')
a, b = D('a'), D('b');;a, b = b, a
a, b = D('a'), D('b');;a, b = D('c'), D('d')
a, *b = D('a'), D('b'), D('c')
a, *b = [D('a'), D('b'), D('c')]
(a, b), c = (D('a'), D('b')), D('c')
a, a = D('a'), D('b')
a, b, c = D('a'), D('b'), D('c')
a, b, c = D('a'), D('b')
a, b = [D('a'), D('b'), D('c')]
a = D('a');;del a
a = D('a');;b = D('b');;return
a = D('a');;b = D('b')
a = D('a');;b = D('b');;return a
b = D('b');;a = D('a');;e = D('c');;return b
return D('a').child
return (D('a'), D('b'))[0]
return D('a') is D('b')
G = D('a')
G = D('a');;G = D('b')
G = D('a');;del G;;G = None
G = D('a');;event(G)
event(D('a'))
event(D('a').stay())
event([D('a'), D('b')])
len(D('a'))
str(D('a'))
isinstance(D('a'), D)
isinstance(D('a'), (D('b'), D))
type(D('a'))
tuple([D('a'), D('b')])
list((D('a'), D('b')))
dict(k=D('a'), j=D('b'))
hash(D('a'))
[].append(D('a'))
[D('a')].append(D('b'))
[D('a')].pop()
[D('a'), D('b')].pop(0)
{'k': D('a')}.get('k', D('b'))
{'k': D('a')}.get('j', D('b'))
{'k': D('a')}.pop('k', D('b'))
{'k': D('a')}.setdefault('k', D('b'))
{'k': D('a')}.update(k=D('b'))
'{}'.format(D('a'))
'%s' % D('a')
'%s %s' % (D('a'), D('b'))
f'{D('a')}|{D('b')}'
next(iter([D('a'), D('b')]))
bool(D('a'))
callable(D('a'))
id(D('a'))
max(D('a'), D('b'))
min([D('a'), D('b')])
sorted([D('a'), D('b')])
list(map(event, [D('a'), D('b')]))
list(zip([D('a')], [D('b')]))
print(D('a'), D('b'), file=sink)
getattr(D('a'), 'name', D('b'))
getattr(D('a'), 'missing', D('b'))
setattr(D('a'), 'x', D('b'))
hasattr(D('a'), 'x')
[].insert(0, D('a'))
[D('a')].extend((D('b'), D('c')))
[D('a')].index(D('b'))
[D('a')].remove(D('b'))
l = [D('a'), D('b')];;l[0] = D('c')
l = [D('a'), D('b')];;l.append(D('c'))
l = [D('a'), D('b')];;l.pop()
l = [D('a'), D('b')];;l.clear()
l = [D('a'), D('b')];;del l[0]
l = [D('a'), D('b')];;l[:] = []
l = [D('a'), D('b')];;l += [D('c')]
l = [D('a'), D('b')];;l += (D('c'), D('d'))
l = [D('a'), D('b')];;l = l + [D('c')]
l = [D('a'), D('b')];;l[0], l[-1] = D('c'), D('d')
l = [D('a'), D('b')];;l[0] += D('c')
m = {'k': D('a')};;m['k'] = D('b')
m = {'k': D('a')};;del m['k']
m = {'k': D('a')};;m.clear()
m = {'k': D('a')};;m.pop('k')
m = {'k': D('a')};;m['k'] += D('b')
m = {'k': D('a')};;m |= {'k': D('b')}
m = {D('a'): D('b')};;m[D('c')] = D('d')
D('a') and D('b')
D('a') or D('b')
D('a') if D('b') else D('c')
h(D('a') if D('b') else D('c'))
h(D('a') and D('b'), D('c'))
if D('a'): event()
if D('a') == D('b'): event()
if D('a') is D('b'): pass;;else: event()
if D('a') < D('b'): event()
if not D('a'): event()
if D('a') in D('b'): event()
while D('a') is D('b'): pass;;event()
for a in [D('a'), D('b')]: event()
for a in (D('a'), D('b')): event()
for a in D('a'): event()
for a in {D('a'): D('b')}: event()
for a in {'k': D('a')}.values(): event()
for k, a in {'k': D('a'), 'j': D('b')}.items(): event()
for a, b in [(D('a'), D('b')), (D('c'), D('d'))]: event()
for a in (D('a') for _ in range(2)): event()
for a in [D('a'), D('b')]: break
for a in [D('a'), D('b')]: continue
for a in [D('a'), D('b')]: return a
for a in [D('a'), D('b')]: event(a);;del a
for a in [D('a'), D('b')]: a = D('c')
for i, (a, b) in enumerate([(D('a'), D('b'))]): event()
for a in D('a'): return
for a in [D('a'), D('b')]:;;    for b in [D('c'), D('d')]: break
for a in [D('a'), D('b')]:;;    for b in [D('c'), D('d')]: return
i = 0;;while i < 3:;;    i += 1;;    a = D('a')
i = 0;;while i < 3:;;    i += 1;;    h(D('a'))
try: boom(D('a'));;except ValueError: event()
try: boom(D('a'), D('b'));;except ValueError: event()
try: boom(k=D('a'));;except ValueError: event()
try: boom(D('a'));;except ValueError as error: event(error)
try: [D('a'), boom(D('b'))];;except ValueError: event()
try: h(D('a'), boom(D('b')));;except ValueError: event()
try: D('a') + boom();;except ValueError: event()
try: D('a')[boom()] = D('b');;except ValueError: event()
try: D('a').method(boom());;except ValueError: event()
try: {'k': D('a'), 'j': boom(D('b'))};;except ValueError: event()
try: raise ValueError(D('a'));;except ValueError: event()
try: raise ValueError(D('a'));;except ValueError: event();;event()
try: a = D('a');;finally: event()
try: return D('a');;finally: event()
try: boom(D('a'));;except ValueError: pass;;finally: event()
try:;;    try: boom(D('a'));;    finally: event();;except ValueError: event()
try:;;    try: boom(D('a'));;    except ValueError: boom(D('b'));;except ValueError: event()
try: D('a').missing;;except AttributeError: event()
try: D('a').missing(D('b'));;except AttributeError: event()
try: [D('a')][3];;except IndexError: event()
try: {'k': D('a')}['j'];;except KeyError: event()
try: D('a') * D('b');;except TypeError: event()
try: h(D('a'), D('b'), D('c'));;except TypeError: event()
try: h();;except TypeError: event()
try: h(D('a'), wrong=D('b'));;except TypeError: event()
try:;;    a = D('a');;    b;;    b = 1;;except UnboundLocalError: event()
try: a, b = D('a'), D('b'), D('c');;except ValueError: event()
try: a, b = [D('a')];;except ValueError: event()
try: len(1, D('a'));;except TypeError: event()
try: [].append(D('a'), D('b'));;except TypeError: event()
try:;;    D('a')();;    missing(D('b'));;except NameError: event()
for a in [D('a'), D('b')]:;;    try: boom(D('c'));;    except ValueError: continue
for a in [D('a'), D('b')]:;;    try: boom(D('c'));;    except ValueError: break
with D('a'): event()
with D('a') as a: event()
with D('a') as a, D('b') as b: event()
with D('a') as a: boom()
with D('a'): return D('b')
with D('a') as a: a = D('b')
def i(arg=None): event(); return arg;;i(D('a'))
a = D('a');;def i(arg=None): event(); return a;;i(D('b'))
a = D('a');;def i(arg=None):;;    nonlocal a;;    a = arg;;    event();;i(D('b'))
a = D('a');;def i(arg=None):;;    nonlocal a;;    del a;;    event();;i(D('b'))
a = D('a');;i = lambda: a;;del a
a = D('a');;i = lambda: a;;a = D('b')
a = D('a');;i = lambda: a;;event()
(lambda p, q=D('a'): p)(D('b'))
(lambda: D('a'))()
(lambda p: event())(D('a'))
(lambda *p: p)(D('a'), D('b'))
[q for q in [D('a'), D('b')]]
[D('c') for q in [D('a'), D('b')]]
[q for q in (D('a'), D('b')) if q]
{q for q in [D('a'), D('b')]}
{id(q): D('c') for q in [D('a'), D('b')]}
tuple(q for q in [D('a'), D('b')])
[event(q) for q in [D('a'), D('b')]]
[(q, r) for q in [D('a')] for r in [D('b')]]
(a := D('a'))
h((a := D('a')), D('b'))
N(7) + 1
N(7) + N(8)
S('x') + 'y'
S('x') + S('y')
N(7) < N(8)
N(7) == N(7)
S('x') == S('y')
[1, 2][N(0)]
[D('a'), D('b')][N(0)]
S('ab')[0]
S('ab')[N(0)]
1.5 * N(2)
L([D('a')])[0]
L([D('a')])[0] = D('b')
T((D('a'),))[0]
M(k=D('a'))['k']
M(k=D('a'))['k'] = D('b')
len(L([D('a')]))
for q in L([D('a')]): event()
a, b = T((D('a'), D('b')))
{S('x'): 1}[S('x')]
{S('x'): D('a')}['x']
S('x') in {'x': 1}
if N(7): event()
if S('x'): event()
not L([])
a = N(7);;a += 1
a = S('x');;a += 'y'
a = D('a');;b = a;;del a;;event();;del b
a = D('a');;a = None;;event()
a = D('a');;a = 1;;event()
a = D('a');;a = h(a)
a = D('a');;a = ret(a)
a = D('a');;h(a, D('b'))
a = D('a');;drop(a)
a = D('a');;a.child = a.stay();;a.child = None
D('a');;D('b')
W('a')
W('a').stay()
h(W('a'), W('b'))
drop(W('a'))
a = W('a');;b = W('b')
D.made('a')
Sub.made('a', D('b'))
D.static(D('a'), D('b'))
D('a')(D('b'))
D('a')(D('b'), x=D('c'))
D('a')(*[D('b')])
h(h(D('a')), D('b'))
ret(ret(D('a'), D('b')), D('c'))
h(ret(D('a')), ret(D('b')))
super(D, D('a')).__init__
match D('a'):;;    case D(name='a'): event()
match [D('a'), D('b')]:;;    case [x, y]: event()
match {'k': D('a')}:;;    case {'k': v}: event()
assert D('a')
assert D('a'), D('b')
raise ValueError(D('a'))
return [D('a'), D('b')]
return D('a') + D('b')
return h(D('a'))
return ret(D('a'))
import sys as a;;a = D('a')
"""


def cases():
    """Names (the statements) and sources."""
    found = {}
    for line in CASES.strip().splitlines():
        body = "".join(f"    {part}\n" for part in line.split(";;"))
        found[line] = f"{HELPERS}def f():\n    global G\n{body}"
    return found
