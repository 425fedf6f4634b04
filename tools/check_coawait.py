#!/usr/bin/python3
"""Finds what g++ 12.2 miscompiles inside a co_await expression, and coroutine lambdas.

g++ 12.2 destroys twice an aggregate or a capturing lambda that is a temporary of a full expression with a co_await in
it (tools/coawait_probe.cc shows it). So, in such an expression, each of these is an error:

  braces        `{...}` that builds a value: `Type{...}`, `f({...})`, also `Type x{co_await f()}`
  lambda        a lambda that captures
  conditional   `?:`
  logic         `&&` or `||` (`auto&&` is no logic)
  temporary     an argument of the awaited call that is built in place: `Type(...)`, `std::string(...)`

and everywhere:

  coroutine-lambda   a lambda whose own body awaits, yields or co_returns: its captures die before it does

How: the file is cut into tokens (comments, string, raw string and character literals are whole tokens), brackets are
paired, each `{` is judged to open a block or to build a value, and the full expression around each co_await is looked at.
It knows no types and expands no macros. So it cannot see: an aggregate made by a function-like macro; a temporary of
class type made without naming the type (a string literal given to a std::string parameter, a call's result, which g++
12.2 handles); a detached coroutine's reference parameters. A `Type(...)` is known by our naming (PascalCase) or `std::`.

`// coawait: allow (why)` at the end of a line permits that line.

usage: check_coawait.py [--no-allow] [FILE...]     without files: every .h and .cc of src/
exit status: 0 nothing found, 1 findings, each as `file:line: rule: what to do`
"""

import pathlib
import re
import sys

TOKEN = re.compile(
    r"""(?P<comment>//(?:\\\n|[^\n])*|/\*.*?\*/)
      |(?P<raw>(?:u8|u|U|L)?R"(?P<delim>[^()\\\s]{0,16})\(.*?\)(?P=delim)")
      |(?P<string>(?:u8|u|U|L)?"(?:\\.|[^"\\\n])*")
      |(?P<number>\.?\d(?:'?[\w.]|[eEpP][+-])*)
      |(?P<char>(?:u8|u|U|L)?'(?:\\.|[^'\\\n])+')
      |(?P<word>[A-Za-z_]\w*)
      |(?P<op>::|->|&&|\|\||\[\[|\]\]|<=>|[<>=!]=|[-+*/%&|^]=|\+\+|--|<<|\S)""",
    re.X | re.S,
)
DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.M)
ALLOW = re.compile(r"//.*\bcoawait: allow \(.+\)")
OPEN = {"(": ")", "[": "]", "{": "}", "[[": "]]"}
BLOCK_BEFORE = {")", "else", "do", "try", ";", "const", "noexcept", "override", "final", "mutable", ":"}
TYPE_HEADS = {"class", "struct", "union", "enum", "namespace", "extern"}
CONTROLS = {"if", "while", "switch", "for"}
AWAITS = {"co_await", "co_yield", "co_return"}
STD_TYPES = {
    "string", "vector", "function", "optional", "pair", "tuple", "unique_ptr", "shared_ptr", "map", "set", "variant",
    "array", "deque", "list", "unordered_map", "unordered_set",
}
ADVICE = {
    "braces": "builds a value with {...} in a co_await expression; make it a named local and move it in",
    "lambda": "has a capturing lambda in a co_await expression; make it a named local and move it in",
    "conditional": "has ?: in a co_await expression; write an if",
    "logic": "has && or || in a co_await expression; await into a named local first",
    "temporary": "builds an argument of an awaited call in place; make it a named local and move it in",
    "coroutine-lambda": "is a lambda that is a coroutine; write a named function that takes what it needs by value",
}


class Token:
    """One token; a bracket owns what it encloses."""

    def __init__(self, text, line, kind):
        self.text, self.line, self.kind = text, line, kind
        self.inner = None  # tokens between the brackets
        self.role = None  # of "{": block or value; of "[": lambda or index
        self.captures = False


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def tokenise(text):
    """Tokens without comments and preprocessor lines."""
    # Directives are found outside of comments and literals only.
    pieces, at = [], 0
    for match in re.finditer(r"//[^\n]*|/\*.*?\*/|R\"([^()\\\s]{0,16})\(.*?\)\1\"|\"(?:\\.|[^\"\\\n])*\"", text, re.S):
        pieces.append(DIRECTIVE.sub(blank, text[at : match.start()]) if at == 0 or text[at - 1] == "\n" else
                      re.sub(r"\n[ \t]*#(?:\\\n|[^\n])*", blank, text[at : match.start()]))
        pieces.append(match.group(0))
        at = match.end()
    pieces.append(re.sub(r"\n[ \t]*#(?:\\\n|[^\n])*", blank, text[at:]))
    text = "".join(pieces)
    tokens, line, last = [], 1, 0
    for match in TOKEN.finditer(text):
        line += text.count("\n", last, match.start())
        last = match.start()
        kind = "string" if match.lastgroup in ("raw", "delim") or match.group("raw") else match.lastgroup
        if kind != "comment":
            tokens.append(Token(match.group(0), line, kind))
    return tokens


def nest(tokens):
    """Pairs brackets: returns the top-level tokens, each opening bracket holding its inner tokens."""
    top = []
    stack = [(top, None)]
    for token in split_double_brackets(tokens):
        current, closing = stack[-1]
        if token.kind == "op" and token.text in OPEN:
            token.inner = []
            current.append(token)
            stack.append((token.inner, OPEN[token.text]))
        elif token.kind == "op" and token.text in OPEN.values():
            if closing == token.text:
                stack.pop()
        else:
            current.append(token)
    return top


def split_double_brackets(tokens):
    """`[[` opens an attribute only where nothing is indexed; `]]` closes one only where one is open."""
    depth, before = [], None
    for token in tokens:
        parts = [token]
        if token.text == "[[" and before is not None and (before.kind == "word" or before.text in (")", "]")):
            if before.text not in BLOCK_BEFORE | AWAITS | {"return", "case"} or before.text == ")":
                parts = [Token("[", token.line, "op"), Token("[", token.line, "op")]
        if token.text == "]]" and (not depth or depth[-1] != "[["):
            parts = [Token("]", token.line, "op"), Token("]", token.line, "op")]
        for part in parts:
            if part.text in ("[", "[["):
                depth.append(part.text)
            elif part.text in ("]", "]]") and depth:
                depth.pop()
            yield part
        before = token


def judge(tokens, in_value=False):
    """Gives every bracket below its role."""
    start = 0  # of the statement
    for i, token in enumerate(tokens):
        before = tokens[i - 1] if i > 0 else None
        if token.text == ";" and token.kind == "op":
            start = i + 1
        if token.inner is None:
            continue
        if token.text == "[":
            operand = before is not None and (
                before.kind in ("number", "string")
                or (before.kind == "word" and before.text not in AWAITS | {"return", "else", "do", "case"})
                or before.inner is not None
                and (before.text in ("(", "[") or (before.text == "{" and before.role == "value"))
                and not is_control(tokens, i - 1)
            )
            token.role = "index" if operand else "lambda"
            token.captures = token.role == "lambda" and bool(token.inner)
        elif token.text == "{":
            token.role = "block" if is_block(tokens, i, start, in_value) else "value"
        judge(token.inner, in_value=token.text != "{" or token.role == "value")
        if token.role == "block":
            start = i + 1


def is_control(tokens, i):
    """Whether tokens[i] is the parenthesis of an if, while, switch or for."""
    return tokens[i].text == "(" and i > 0 and (
        tokens[i - 1].text in CONTROLS or (tokens[i - 1].text == "constexpr" and i > 1 and tokens[i - 2].text == "if"))


def is_block(tokens, i, start, in_value):
    """Whether the `{` at tokens[i] opens a block (or a body, or a namespace) rather than building a value."""
    if i == start:
        return not in_value
    before = tokens[i - 1]
    if before.text == "(" and before.inner is not None:
        return True
    if before.text in BLOCK_BEFORE or (before.text == "[" and before.role == "lambda"):
        return True
    statement = tokens[start:i]
    depth = 0
    for token in statement:  # `template <class T> struct X`: what stands between < and > heads nothing
        if token.text == "template":
            depth = 0
        depth += {"<": 1, ">": -1}.get(token.text, 0) if token.kind == "op" else 0
        if depth == 0 and token.text in TYPE_HEADS and not any(t.text in ("=", "return") for t in statement):
            # `struct X x{}` and `enum E e{}` do not occur here; `struct stat info {}` does.
            return not is_elaborated_local(statement)
    for back in range(i - 1, start - 1, -1):  # `-> Type {`
        token = tokens[back]
        if token.text == "->":
            return back > start and (tokens[back - 1].text in ("(", "mutable", "noexcept", "[") )
        if token.kind != "word" and token.text not in ("::", "<", ">", "*", "&", "&&", ",", "("):
            return False
    return False


def is_elaborated_local(statement):
    """`struct stat info`: a type named with its keyword, then a name."""
    words = [t for t in statement if t.text not in ("const", "static")]
    return len(words) == 3 and all(t.kind == "word" for t in words) and words[2].text not in ("final", "override")


def groups(tokens):
    """Every list of tokens in the file: the top and what each bracket encloses, with the bracket and its siblings."""
    yield None, None, tokens
    for i, token in enumerate(tokens):
        if token.inner is not None:
            yield tokens, i, token.inner
            for owner, at, inner in groups(token.inner):
                if owner is not None:
                    yield owner, at, inner


def expressions(tokens):
    """Cuts what a block holds into full expressions: lists of tokens, blocks left out."""
    current = []
    for i, token in enumerate(tokens):
        if token.kind == "op" and token.text == ";":
            yield current
            current = []
        elif token.role == "block":
            if not (current and is_lambda_body(tokens, i)):
                yield current
                current = []
        elif is_control(tokens, i):
            current.pop()  # the keyword
            yield from expressions(token.inner)
            current = []
        else:
            current.append(token)
    yield current


def is_lambda_body(tokens, i):
    """Whether the block at tokens[i] is a lambda's body: `[..] {`, `[..] (..) {`, `[..] (..) mutable -> T {`."""
    for back in range(i - 1, -1, -1):
        token = tokens[back]
        if token.text == "[" and token.inner is not None:
            if token.role == "lambda":
                return True
            return False
        if token.role is not None and token.text == "{":
            return False
        if token.text in (";", "=", ",") and token.kind == "op":
            return False
    return False


def flatten(tokens):
    """All tokens of an expression, into brackets, but not into blocks (a lambda's body is its own)."""
    for i, token in enumerate(tokens):
        yield tokens, i, token
        if token.inner is not None and token.role != "block":
            yield from flatten(token.inner)


def arguments(tokens):
    """The parentheses of calls in the operand of each co_await below."""
    for siblings, i, token in flatten(tokens):
        if token.text != "co_await":
            continue
        for operand in siblings[i + 1 :]:
            if operand.text == "(" and operand.inner is not None:
                yield operand.inner
            elif operand.kind == "op" and operand.text in (",", ";", "==", "!=", "?", "="):
                break


def check_expression(tokens):
    """Yields (line, rule) for one full expression."""
    flat = list(flatten(tokens))
    if not any(token.text == "co_await" for _, _, token in flat):
        return
    for siblings, i, token in flat:
        if token.role == "value":
            yield token.line, "braces"
        elif token.captures:
            yield token.line, "lambda"
        elif token.kind == "op" and token.text == "?":
            yield token.line, "conditional"
        elif token.text in ("||", "or", "and") and token.kind in ("op", "word"):
            yield token.line, "logic"
        elif token.text == "&&" and not (i > 0 and siblings[i - 1].text in ("auto", ">")):
            yield token.line, "logic"
    for inner in arguments(tokens):
        for siblings, i, token in flatten(inner):
            if token.text == "(" and i > 0 and names_a_type(siblings, i):
                yield token.line, "temporary"


def names_a_type(tokens, i):
    """Whether what stands before the parenthesis at tokens[i] is a type: `Type(`, `std::vector<T>(`."""
    back = i - 1
    if tokens[back].text == ">":
        depth = 0
        while back >= 0:
            depth += {">": 1, "<": -1}.get(tokens[back].text, 0)
            back -= 1
            if depth == 0:
                break
    if back < 0 or tokens[back].kind != "word":
        return False
    name = tokens[back].text
    if back >= 2 and tokens[back - 1].text == "::" and tokens[back - 2].text == "std":
        return name in STD_TYPES
    return re.fullmatch(r"[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*", name) is not None


def own_awaits(tokens):
    """Whether a body awaits itself, not only in a lambda or class inside."""
    for i, token in enumerate(tokens):
        if token.text in AWAITS and token.kind == "word":
            return True
        if token.inner is not None and not (token.role == "block" and is_lambda_body(tokens, i)):
            if own_awaits(token.inner):
                return True
    return False


def check_text(text, allow=True):
    """Yields (line, rule), in order of lines."""
    tokens = nest(tokenise(text))
    judge(tokens)
    found = set()
    for owner, at, inner in groups(tokens):
        if owner is not None and owner[at].role == "block" and is_lambda_body(owner, at) and own_awaits(inner):
            found.add((owner[at].line, "coroutine-lambda"))
        if owner is None or owner[at].role == "block":
            for expression in expressions(inner):
                found.update(check_expression(expression))
    lines = text.split("\n")
    for line, rule in sorted(found):
        if not (allow and ALLOW.search(lines[line - 1])):
            yield line, rule


def main(arguments_given):
    allow = "--no-allow" not in arguments_given
    files = [pathlib.Path(name) for name in arguments_given if name != "--no-allow"]
    root = pathlib.Path(__file__).resolve().parent.parent
    if not files:
        files = sorted(p for p in (root / "src").rglob("*") if p.suffix in (".h", ".cc"))
    count = 0
    for file in files:
        for line, rule in check_text(file.read_text(encoding="utf-8"), allow):
            print(f"{file}:{line}: {rule}: {ADVICE[rule]}")
            count += 1
    print(f"check_coawait: {len(files)} files, {count} findings", file=sys.stderr)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
