"""Pairs of a ground truth and an answer in the style of MATH, with the verdict that a person would give.

The tests and `scripts/bench_verify.py` read them. `SAME` holds groups: every two of a group mean the same, whichever is
the ground truth. `DIFFERENT` are wrong both ways round. `UNREADABLE` answers mean nothing that could be compared.
"""

from __future__ import annotations

from collections.abc import Iterator

SAME = (
    # numbers
    ("42", "+42", "42.0", "42.", "$42$", r"\(42\)", r"\text{42}", "４２", "{42}", "042", "42.00"),
    ("-3", "−3", "- 3", "$-3$", r"-\frac{6}{2}"),
    ("1000000", "1,000,000", r"1{,}000{,}000", r"1,\!000,\!000", "1e6", "10^6", "10⁶", r"1 \times 10^{6}"),
    ("0.5", ".5", "1/2", r"\frac12", r"\frac{1}{2}", r"\dfrac{1}{2}", r"\tfrac12", r"\frac 1 2", "2^{-1}", "0.50"),
    (r"-\frac{3}{4}", r"\frac{-3}{4}", r"\frac{3}{-4}", "-3/4", "-0.75", r"-\dfrac 34", "−.75"),
    (r"2\frac{1}{2}", "2 1/2", r"\frac{5}{2}", "5/2", "2.5", r"2 \dfrac12"),
    (r"-2\frac{1}{2}", "-2.5", "-2 1/2", r"-\frac52"),
    (r"\frac{14}{3}", "14/3", r"4\frac23", r"\left(\frac{14}{3}\right)", r"\frac{28}{6}"),
    (r"\frac{1}{3}", "1/3", r"\cfrac{1}{3}", "2/6", r"1 \div 3", r"\frac{1/2}{3/2}", r"\frac{\frac12}{\frac32}"),
    (r"0.\overline{3}", r"\frac13", "1/3", r"0.3\overline{3}"),
    (r"0.1\overline{6}", "1/6", r"0.1\overline{66}"),
    # roots and powers
    (r"\sqrt{2}", r"\sqrt2", "√2", r"2^{1/2}", r"2^{\frac12}", r"\frac{2}{\sqrt{2}}", "sqrt(2)", r"\sqrt{ 2 }"),
    (r"3\sqrt{13}", r"\sqrt{117}", r"3 \cdot \sqrt{13}", r"\sqrt{13}\cdot 3", "3√13", "3*sqrt(13)"),
    (r"\sqrt[3]{2}", "2^{1/3}", r"\sqrt[3]2", r"2^{\frac{1}{3}}", r"\frac{2}{\sqrt[3]{4}}"),
    (r"\sqrt[3]{-8}", "-2"),
    (r"\frac{\sqrt{3}}{3}", r"\frac{1}{\sqrt{3}}", r"\sqrt{\frac13}", r"3^{-1/2}", r"\frac{\sqrt3}3"),
    (r"2+\sqrt{3}", r"\sqrt{3}+2", r"\sqrt{7+4\sqrt{3}}", r"\frac{1}{2-\sqrt3}"),
    (r"2^{10}", "1024", "2^10", "2**10", r"4^5", "32^2"),
    ("2^{3^2}", "2^3^2", "512", "2**3**2"),
    ("10²³", "10^{23}", "1e23"),
    ("2^{100}", "4^{50}", "1267650600228229401496703205376"),
    (r"x^{1/2}", r"\sqrt{x}"),
    # degrees, units, money, percent
    (r"90^\circ", r"90^{\circ}", "90", "90°", r"90\text{ degrees}", "90 degrees", r"90^\circ.", r"90\degree"),
    (r"5\text{ cm}", "5 cm", "5", r"5\mathrm{cm}", r"5 \text{ centimeters}", r"5\,\text{cm}"),
    (r"12\text{ cm}^2", "12", r"12 \text{cm}^{2}", "12 cm²", r"12\ \text{cm}^2"),
    (r"30\text{ square units}", "30", r"30\text{ square units.}", "30 square units"),
    (r"\$5", "$5", "5", "5 dollars", r"\$5.00", r"5 \text{ dollars}", "$5.00$"),
    (r"\$18{,}000", "18000", "18,000", r"\$18,000", "$18{,}000$"),
    (r"50\%", "50%", "0.5", r"\frac12", r"$50\%$", "1/2"),
    (r"7.2\%", "7.2%", "0.072"),
    (r"3\pi\text{ inches}", r"3\pi", r"3 \pi \text{ in}"),
    # constants and functions
    (r"\frac{\pi}{2}", r"\pi/2", "π/2", r"\frac12\pi", r"\frac{1}{2} \pi", r"\dfrac{\pi}{2}", "pi/2", r"0.5\pi"),
    (r"16\pi", r"\pi \cdot 16", r"4^2\pi", r"16 \pi"),
    (r"\sin 30^\circ", r"\frac12", r"\sin{30^\circ}", r"\sin(30^\circ)", r"\cos 60^\circ", r"\sin\frac{\pi}{6}"),
    (r"\tan^2 x", r"(\tan x)^2", r"\sec^2 x - 1", r"\tan^{2}(x)"),
    (r"\sin 2x", r"2\sin x\cos x", r"\sin(2x)"),
    (r"\sin^2 x + \cos^2 x", "1"),
    (r"\sin^{-1} x", r"\arcsin x"),
    (r"\log_2 8", "3", r"\log_{2}{8}", r"\log_2(8)", r"\frac{\ln 8}{\ln 2}"),
    (r"\ln 2", r"\ln(2)", r"-\ln\frac12", r"\frac{\ln 4}{2}"),
    ("e^2", "e^{2}", r"e \cdot e", r"\exp(2)", "exp 2"),
    (r"1 - \frac{1}{e}", r"\frac{e-1}{e}", "1-e^{-1}", r"1-\frac{1}{\mathrm{e}}"),
    ("5!", "120", r"5 \cdot 4!", r"\frac{6!}{6}"),
    (r"\frac{1}{2004!}", r"\frac{2005}{2005!}"),
    (r"\binom{10}{3}", "120", r"\dbinom{10}{3}", r"\frac{10!}{3!7!}", r"\frac{10!}{3! \cdot 7!}", r"{10 \choose 3}"),
    (r"|-3|", "3", r"\lvert -3 \rvert", r"\left|-3\right|", r"\left|3\right|"),
    (r"\lfloor 3.7 \rfloor", "3", r"\left\lfloor\frac{7}{2}\right\rfloor"),
    (r"\lceil 3.2 \rceil", "4"),
    (r"\gcd(12, 18)", "6"),
    # polynomials and other formulas
    ("x^2+2x+1", "(x+1)^2", "1+2x+x^2", "x^2 + 2 x + 1", "(x+1)(x+1)", "x*x+2*x+1", "(1+x)^2"),
    ("(x-2)(x+3)", "(x+3)(x-2)", "x^2+x-6", r"x^2 + x - 6", r"(x - 2)\cdot(x + 3)"),
    (r"\frac{x}{2}", "x/2", r"\frac12x", r"\frac{1}{2}x", "0.5x", r"x \cdot \frac12"),
    (r"\frac{x+1}{x-1}", "(x+1)/(x-1)", r"\frac{-x-1}{1-x}", r"1 + \frac{2}{x-1}"),
    ("xy", "yx", r"x \cdot y", "x*y", "x y"),
    ("2-2p", "-2p+2", "2(1-p)", "-2(p-1)"),
    ("a^2b", r"a \cdot a \cdot b", "b a^2"),
    (r"\alpha+\beta", r"\beta + \alpha"),
    (r"x_1+x_2", "x_{1}+x_{2}", "x_2 + x_1"),
    ("11x^5", "11 x^5", r"11\cdot x^{5}"),
    # equations and functions
    ("5", "x=5", "x = 5", r"$x=5$", "5 = x"),
    ("y = 2x+3", "y=2x+3", "2x+3=y", "2x-y+3=0", "y - 2x = 3", "y-2x-3=0"),
    ("2x+4y-3=0", r"y=-\frac12x+\frac34", "4x+8y=6"),
    ("x^2+y^2=25", "25=x^2+y^2", "x^2+y^2-25=0", "y^2=25-x^2"),
    (r"\frac{x^2}{4}+\frac{y^2}{3}=1", "3x^2+4y^2=12"),
    ("2x", "f(x)=2x", "f(x) = 2x"),
    ("2x", "y = 2x"),
    ("5", "f(y)=5"), ("1,2", "x=2,x=1"), ("x=1,y=2", "y=2,x=1"), ("c", "f(0)=c"),
    ("f(x)=x^2+1", "x^2+1", "f(x) = 1+x^2"),
    ("f^{-1}(x) = x-1", "x-1", "f^{-1}(x)=-1+x"),
    # intervals, unions, inequalities
    ("[0,1)", "[0, 1)", r"\left[0,1\right)", r"0 \le x < 1", r"x \in [0,1)", r"1 > x \ge 0", r"\{x : 0 \le x < 1\}"),
    ("(2,5)", "(2, 5)", r"\left( 2, 5 \right)", r"\left(2,\frac{10}{2}\right)"),
    (r"x \in (2,5)", "(2,5)", "2<x<5", "2 < x < 5", r"2 \lt x \lt 5"),
    (r"(-\infty, 3)", "x < 3", r"x \in (-\infty,3)", r"x\lt3", "3 > x", r"(-\infty,3)", r"\left(-\infty,3\right)"),
    (r"[2,\infty)", r"x \ge 2", r"x\geq 2", r"2 \leq x", r"[2, +\infty)", r"x \geqslant 2", "x >= 2", r"[2,\infty )"),
    (r"(-\infty,-2]\cup[-1,\infty)", r"x \le -2 \text{ or } x \ge -1", r"[-1,\infty) \cup (-\infty,-2]",
     r"x \in (-\infty,-2] \cup [-1,\infty)"),
    (r"(-5,\sqrt{26}]", r"-5<x\le\sqrt{26}", r"\left(-5,\sqrt{26}\right]"),
    (r"(-\infty,0)\cup(0,\infty)", r"x \ne 0", r"x \neq 0", r"(0,\infty)\cup(-\infty,0)", r"\mathbb{R}\setminus\{0\}"),
    (r"(-\infty,\infty)", r"\mathbb{R}", r"x \in \mathbb{R}", r"(-\infty, +\infty)"),
    (r"m \ge \sqrt{2}", r"m \in [\sqrt{2}, +\infty)", r"[\sqrt2,\infty)"),
    (r"\emptyset", r"\varnothing", r"\{\}", "∅"),
    # sets, tuples, lists
    ("1, 2, 3", "1,2,3", r"\{1,2,3\}", "3, 2, 1", r"\{3,1,2\}", r"1, 2, \text{ and } 3", "1, 2 and 3", r"x=1,2,3"),
    ("1,-2", "-2,1", r"x=1,-2", r"x = 1 \text{ or } x = -2", r"1 \text{ and } -2", r"\{-2, 1\}", "-2, 1"),
    (r"\frac12, 3", r"3, 0.5", r"\{3, 1/2\}"),
    (r"\pm 2", "2, -2", r"\{-2,2\}", r"x=\pm2", r"\pm\sqrt{4}", "±2", "-2 or 2", r"2,\,-2"),
    (r"1\pm\sqrt{5}", r"1+\sqrt5,1-\sqrt5", r"\{1-\sqrt5,1+\sqrt5\}", r"x = 1 \pm \sqrt{5}"),
    (r"\frac{1\pm\sqrt{5}}{2}", r"\frac{1+\sqrt{5}}{2}, \frac{1-\sqrt5}{2}", r"x=\frac{1\pm\sqrt5}{2}"),
    (r"3 \mp 2i", "3+2i, 3-2i", r"3\pm2i"),
    (r"\pm 1, \pm 2", "1,-1,2,-2", r"\{-2,-1,1,2\}"),
    (r"(3, \frac{\pi}{2})", r"\left( 3, \frac{\pi}{2} \right)", r"(3,\pi/2)", "(3, π/2)"),
    ("(1,2,3)", "(1, 2, 3)", r"\left(1,2,3\right)", r"(\frac22,2,3)"),
    ("(2,3), (-1,4)", "(-1,4),(2,3)", r"\{(2,3),(-1,4)\}", r"(-1,4) \text{ and } (2,3)"),
    ("(3,120)", "(3, 120)"),
    (r"(\tfrac{27}{8},\tfrac{15}{8})", "(27/8, 15/8)", "(3.375,1.875)"),
    # matrices
    (r"\begin{pmatrix} 0 & 3 \\ 0 & -1 \end{pmatrix}", r"\begin{bmatrix} 0 & 3 \\ 0 & -1 \end{bmatrix}",
     r"\begin{pmatrix}0&3\\0&-1\end{pmatrix}", r"\left(\begin{matrix}0&3\\0&-1\end{matrix}\right)"),
    (r"\begin{pmatrix} 1/2 \\ \sqrt{4} \end{pmatrix}", r"\begin{pmatrix} \frac12 \\ 2 \end{pmatrix}",
     r"\begin{pmatrix} 0.5 \\ 2 \\ \end{pmatrix}"),
    # complex numbers
    ("3+4i", "4i+3", r"3+4\cdot i", "3 + 4i", "i(4-3i)"),
    ("-i", r"\frac{1}{i}", "i^3", "-1i"),
    (r"e^{i\pi/2}", "i"),
    # bases, ratios
    ("12_8", "12_{8}", r"12_{\text{8}}"),
    ("2516_8", "2516_{8}"),
    ("3:2", "3 : 2", "3/2", "6:4", "1.5:1"), ("1:2:3", "2:4:6", r"\frac12:1:1.5"), ("x:2y", "2x:4y"),
    ("10:15", "10 : 15"), (r"\sqrt2:1", r"2:\sqrt2"),
    # words
    (r"\text{east}", "east", "East", r"\textbf{east}", r"\mathrm{East}", r"\text{ east }"),
    (r"\text{Evelyn}", "Evelyn", r"\text{evelyn}"),
    (r"\text{(A)}", "(A)", "A", r"\text{A}", r"\textbf{(A)}", r"\mathrm{(A)}"),
    (r"\text{Yes}", "yes", "YES", r"\text{yes}."),
    (r"\text{Monday}", "Monday"),
    (r"\text{even}", "even"),
    (r"\text{ellipse}", "ellipse"),
    (r"\text{A, B, C}", "A, B, C", "A,B,C", r"\text{A,B,C}"),
    # outside our own grammar
    (r"\int_0^1 x\,dx", r"\frac12", "1/2"),
    (r"\sum_{k=1}^{3} k", "6"),
    (r"\sum_{k=1}^{\infty} \frac{1}{k^2}", r"\frac{\pi^2}{6}"),
    (r"(1,\lfloor 2.5 \rfloor)", "(1,2)"),
    (r"\{1, \lfloor 2.5 \rfloor\}", "1,2"),
    (r"\overline{AB}", r"\overline{AB}"),
)  # fmt: skip
"""Groups of answers that mean the same."""

DIFFERENT = (
    # what graders are known to accept
    ("3", "- 3"), ("3", "−3"), ("42", "42²"), ("25", r"25\%"), ("25", "25%"), ("42", "41 or 42"),
    (r"\frac{1}{2^{99}}", r"\frac{1}{2^{98}}"), (r"\frac{1}{2004!}", r"\frac{1}{2006!}"), ("n=2, 3, 4", "n=1, 2, 3"),
    ("D=(0,1)", "D=(0,1.5)"), (r"19, 46, \text{ and } 82", "21, 36, and 82"),
    (r"1 - \frac{1}{\mathrm{e}}", r"1 + \frac{1}{\mathrm{e}}"), (r"\pm 2021", "2021"), ("12:00", "1:00"),
    ("4", r"4\sqrt{2}"), ("3x-y+13=0", "3x+4y+14=0"),
    (r"\frac{2^{2005}+1}{3 \cdot 2^{2006}}", r"\frac{1}{3 \cdot 2^{2006}}"),
    (r"\frac{x^2}{4}+\frac{y^2}{3}=1", r"\frac{x^2}{16}+\frac{y^2}{12}=1"), ("0.333333333333333333", "1/3"),
    ("1.4142135623730951", r"\sqrt{2}"), ("3.14159265358979", r"\pi"), ("0.1", "0.10000000001"),
    # what is close
    ("42", "43"), ("-3", "3"), ("1/2", "1/3"), (r"\sqrt{2}", "2"), (r"\sqrt{2}", r"\sqrt{3}"),
    (r"\sqrt[3]{2}", r"\sqrt{2}"), (r"\frac{\pi}{2}", r"\frac{\pi}{3}"), (r"2\pi", r"\pi^2"), (r"2\frac12", "1"),
    (r"2\frac12", r"\frac{21}{2}"), ("1,234", "1.234"), ("1000", "1,0001"), ("2^{3^2}", "64"), ("10²³", "10^2"),
    ("x^2", "2x"), ("(x+1)^2", "x^2+1"), ("xy", "x+y"), (r"|x|", "x"), (r"\sqrt{x^2}", "x"), ("x-1", "1-x"),
    ("x", "y"), ("x+1", "y+1"), ("5!", "5"), (r"\binom{10}{3}", r"\binom{10}{4}"),
    (r"\binom{10}{3}", r"\frac{10}{3}"), (r"\log_2 8", "8"), (r"\sin x", r"\cos x"), (r"\sin 30^\circ", r"\sin 30"),
    (r"90^\circ", "100"), ("3+4i", "3-4i"), ("i", "1"), ("5", "x=6"), ("y=2x+3", "y=2x-3"), ("y=2x+3", "y=3x+2"),
    ("f(x)=2x", "3x"), ("x^2+y^2=25", "x^2+y^2=5"), ("y=x", "y=x^2"),
    ("3", r"\pi = 3"), ("x_1+2x_9", "x_9+2x_1"), ("1,2", "x=2,y=1"), ("1,2", "x=1,y=2"), ("x=1,2", "x=1,y=2"),
    ("2x", "f(y)=2x"), ("5", r"\gamma x = 5"), ("2x", "x=2x"), ("0,500", "500"), ("1,0,500", "1,500"),
    # intervals and inequalities
    ("[0,1)", "[0,1]"), ("[0,1)", "(0,1)"), ("[0,9)", "[0,1)"), ("(2,5)", "[2,5]"), ("x<3", r"x \le 3"),
    ("x<3", "x>3"), ("x<3", "3"), (r"(-\infty,3)", r"(-\infty,3]"), (r"x\ne 0", "0"), (r"(0,1)\cup(2,3)", "(0,3)"),
    (r"(0,1)\cup(2,3)", "(0,1)"), ("[0,1]", "0,1"), (r"x \ge 2", r"x \ge 3"), ("0<x<1", "0<x<2"), (r"\emptyset", "0"),
    ("x<3", "y<3"), ("1", "[0,1)"), (r"\mathbb{R}", r"(0,\infty)"),
    # sets, tuples, lists, matrices
    ("1,2,3", "1,2"), ("1,2", "1,2,3"), ("1,2", "(1,2)"), ("(1,2)", "(2,1)"), ("(1,2)", "(1,2,3)"),
    ("(1,2),(3,4)", "(1,2)"), (r"\pm 2", "2"), (r"1\pm\sqrt5", r"1+\sqrt5"),
    (r"\frac{1\pm\sqrt5}{2}", r"\frac{1+\sqrt5}{2}"), ("(1,2)", "3"), ("(3,120)", "3120"), ("x=1,-2", "x=1"),
    (r"\pm 1, \pm 2", "1,2"), ("2,3", "23"), ("5", "5,5,6"), (r"\{1,2\}", "3"),
    (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", r"\begin{pmatrix} 1 & 3 \\ 2 & 4 \end{pmatrix}"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 1 & 2 \end{pmatrix}"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", "1"),
    # units, bases, words
    (r"5\text{ cm}", "5 m"), (r"12\text{ cm}^2", r"12\text{ cm}"), (r"\$5", "5 cents"), ("12_8", "12"),
    ("12_8", "12_9"), ("12_8", "10"), ("3:2", "2:3"), ("1:20", "2:40"), ("10:30", "1:03"),
    ("1:2:3", "6"), ("1:2:3", "1:2"), ("1:2:3", "1:2:4"), ("0:0", "x:y"), ("1:20", "1/20"),
    (r"\text{east}", "west"), (r"\text{Yes}", "no"),
    (r"\text{(A)}", "(B)"), (r"\text{A}", "B"), (r"\text{east}", "north east"), (r"\text{Monday}", "Tuesday"),
    ("3", r"\text{three}"), (r"\int_0^1 x\,dx", "1"), (r"\sum_{k=1}^{3} k", "5"), (r"\text{even}", "2"),
    (r"\lfloor x \rfloor", r"\lceil x-1 \rceil"), (r"\overline{AB}", r"\overline{AC}"), (r"0.\overline{3}", "0.3"),
)  # fmt: skip
"""Answers that are wrong, whichever of the two is the ground truth."""

UNREADABLE = (
    ("42", "not 42"), ("42", ""), ("42", "the answer is 42"), ("42", "42 because 6 times 7"), ("42", "42 43"),
    ("5", "5 apples and 6"), ("5", "2 3"), ("42", r"\frac{42}"), ("42", "42)"), ("42", "(42"), ("42", "42 +"),
    ("1/2", r"\frac{1}{"), ("42", "٤٢"), ("42", "1_000 = 4 = x ! ?"), ("42", "__import__('os')"), ("x^2", "x^"),
    ("42", "4\x002"), ("42", r"\unknown{42}"),
    (r"x \in (-\infty,3)", r"x\ltx"), (r"x \ne 0", r"x \neeq 0"), ("6", r"\gcd(12, 18 18)"), ("5", r"\left(2 3\right)"),
    ("3", r"\left\lfloor\floor\frac{7}{2}\right\rfloor"),
)  # fmt: skip
"""Answers that mean nothing to a verifier of mathematics."""


def pairs() -> Iterator[tuple[str, str, str]]:
    """Each pair as ground truth, answer and the right verdict: neighbours within a group, and all others."""
    for group in SAME:
        for gold, answer in zip(group, (*group[1:], group[0]), strict=True):
            yield gold, answer, "correct"
    for gold, answer in DIFFERENT:
        yield gold, answer, "wrong"
        yield answer, gold, "wrong"
    for gold, answer in UNREADABLE:
        yield gold, answer, "no_answer"
