"""What other apps on this host leave in the browser, and no standard allows; every door has to read past it."""

OTHERS = (
    b'x={"a":"b"}',
    "x=é€".encode(),
    b"x=\xe9",
    b"a",
    b'x="unbalanced',
    b"=x",
    b"x=a,b c",
    b"x[y]=1",
    b"$Path=/",
    b"",
)
