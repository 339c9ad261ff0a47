# Copyright: pyweb.stack contributors
# GNU General Public License v3.0-or-later (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a certificate says, and what is wrong with it."""

from __future__ import annotations

import dataclasses
import datetime
import ipaddress
import re
import ssl
import typing as t

PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)
# Up to here a certificate is short-lived, and one missed renewal is half of its life.
SHORT = 10 * 86400
# What OpenSSL calls it when an issuer is neither in the file nor among those that the host trusts.
NO_ISSUER = (2, 20, 21)


class CertificateError(Exception):
    """One sentence that says what is wrong with a file."""


@dataclasses.dataclass(frozen=True)
class Certificate:
    """The first certificate of a file. Times are seconds since the epoch."""

    names: tuple[str, ...]
    issuer: str
    not_before: float
    not_after: float
    self_signed: bool
    der: bytes
    # How many of the certificates in the file follow from it, each by its issuer; itself included.
    chain: int

    @property
    def renewal(self) -> float:
        return renewal(self.not_before, self.not_after)


def renewal(not_before: float, not_after: float) -> float:
    """When a certificate is to be renewed: after two thirds of its lifetime, or after half of a short one."""
    lifetime = not_after - not_before
    return not_before + lifetime * (1 / 2 if lifetime <= SHORT else 2 / 3)


def day(moment: float) -> str:
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def available() -> bool:
    """Whether this host can read certificates. A bare one has no C(cryptography)."""
    try:
        from cryptography import x509  # noqa: F401  # pylint: disable=unused-import
    except ImportError:
        return False
    return True


def parse(text: bytes, where: str) -> Certificate:
    """The first certificate in C(text). Raises CertificateError."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    blocks = PEM.findall(text)
    if not blocks:
        raise CertificateError(f"{where} has no certificate in PEM.")
    try:
        found = [x509.load_pem_x509_certificate(block) for block in blocks]
    except ValueError as error:
        raise CertificateError(f"{where} has a damaged certificate ({error}).") from error
    leaf = found[0]
    try:
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [*extension.get_values_for_type(x509.DNSName), *map(str, extension.get_values_for_type(x509.IPAddress))]
    except x509.ExtensionNotFound:
        names = []
    return Certificate(
        names=tuple(names),
        issuer=leaf.issuer.rfc4514_string() or "-",
        not_before=_moment(leaf, "not_valid_before"),
        not_after=_moment(leaf, "not_valid_after"),
        self_signed=leaf.issuer == leaf.subject,
        der=leaf.public_bytes(Encoding.DER),
        chain=_chain(found),
    )


def _chain(found: list[t.Any]) -> int:
    number = 1
    while number < len(found) and found[number - 1].issuer == found[number].subject:
        number += 1
    return number


def _moment(certificate: t.Any, field: str) -> float:
    # Without _utc it warns since cryptography 42; Debian 12 has 38.
    moment = getattr(certificate, f"{field}_utc", None) or getattr(certificate, field).replace(tzinfo=datetime.timezone.utc)
    return moment.timestamp()


def read(path: str) -> Certificate:
    """The certificate in a file. Raises CertificateError."""
    try:
        with open(path, "rb") as stream:
            return parse(stream.read(), path)
    except OSError as error:
        raise CertificateError(f"{path} cannot be read ({error.strerror}).") from error


def covers(certificate_names: t.Iterable[str], name: str) -> bool:
    """Whether browsers take a certificate with these names for C(name), which may be a wildcard or an address."""
    known = {item.lower() for item in certificate_names}
    try:
        return str(ipaddress.ip_address(name)) in known
    except ValueError:
        return name in known or ("." in name and "*." + name.partition(".")[2] in known)


def browser() -> ssl.SSLContext:
    """With the authorities that this host knows. Reading them takes longer than all else that judge() does: who judges many makes one."""
    client = ssl.create_default_context()
    client.check_hostname = False
    return client


def _handshake(certificate: str, key: str, client: ssl.SSLContext) -> None:
    """Meets itself as a browser would. Raises ssl.SSLError and OSError."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Never asks somebody at a terminal: nginx could not use such a key either.
    server.load_cert_chain(certificate, key, password=lambda: "")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True)]
    for _turn in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass


@dataclasses.dataclass(frozen=True)
class Judgement:
    """What is wrong with a pair of files, and whether this host trusts it as a browser would."""

    # Kind (damaged, names, expired, early, issuer, key) and a part of a sentence.
    faults: tuple[tuple[str, str], ...]
    trusted: bool = False
    certificate: Certificate | None = None

    def said(self, *ignored: str) -> list[str]:
        """What is wrong, without faults of the kinds C(ignored)."""
        return [text for kind, text in self.faults if kind not in ignored]


def judge(certificate: str, key: str, names: t.Iterable[str], now: float, client: ssl.SSLContext | None = None) -> Judgement:
    """Checks a certificate and its key before nginx has them: they match, the chain is whole, it is valid now and for C(names)."""
    try:
        leaf = read(certificate)
    except CertificateError as error:
        return Judgement((("damaged", str(error).rstrip(".")),))
    faults = []
    missing = [name for name in names if not covers(leaf.names, name)]
    if missing:
        faults.append(("names", f"{certificate} is not for {', '.join(missing)} but for {', '.join(leaf.names) or 'no name at all'}"))
    if leaf.not_after <= now:
        faults.append(("expired", f"{certificate} has expired on {day(leaf.not_after)}"))
    if leaf.not_before > now + 300:
        faults.append(("early", f"{certificate} is valid from {day(leaf.not_before)} only"))
    trusted = False
    try:
        _handshake(certificate, key, client or browser())
        trusted = not faults
    except ssl.SSLCertVerificationError as error:
        # One that is on its way to a root of somebody's own is for him to judge; one without any issuer leads nowhere.
        if error.verify_code in NO_ISSUER and leaf.chain == 1 and not leaf.self_signed:
            faults.append(("issuer", f"{certificate} ends without the certificate of its issuer ({leaf.issuer}), which this host does not know: append it"))
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            faults.append(("key", f"{key} is not the key of {certificate}"))
        else:
            faults.append(("key", f"{certificate} and {key} cannot be used ({error.reason or error})"))
    except OSError as error:
        faults.append(("key", f"{key} cannot be read ({error.strerror or error})"))
    return Judgement(tuple(faults), trusted, leaf)
