"""The key that a GitHub App signs with: RSA, in PEM. Its library is loaded on use: every command reads settings."""


def new() -> str:
    """A private key of 2048 bits, as GitHub makes them (PKCS#1)."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode().strip()


def is_private(pem: str) -> bool:
    """Whether this is a private key without a password."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return isinstance(load_pem_private_key(pem.encode(), None), rsa.RSAPrivateKey)
    except (TypeError, ValueError):  # a password is asked for; no key at all
        return False


def has_signed(private_pem: str, signature: bytes, message: bytes) -> bool:
    """Whether the signature is this key's: PKCS#1 v1.5 with SHA-256, which JWT calls RS256 (RFC 7518, section 3.3)."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(private_pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    try:
        key.public_key().verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True
