"""A certificate authority for one run: root, intermediate and server certificate, all RSA 2048 as AWS's are."""

import ssl
import subprocess
from pathlib import Path

AMAZON_ROOTS = Path(__file__).parent.parent.parent / "src/aws/amazon-roots.pem"
AUTHORITY = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
SERVER = "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nkeyUsage=critical,digitalSignature\n"


class Authority:
    """What a server shows, and the file of what a client has to trust."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.issue("root", "root", AUTHORITY)
        self.issue("middle", "root", AUTHORITY)
        self.issue("server", "middle", SERVER)
        chain = home / "chain.pem"
        chain.write_text((home / "server.pem").read_text() + (home / "middle.pem").read_text())
        # Amazon's five are in it as well: the function reads them at its start on AWS.
        self.trusted = home / "trusted.pem"
        self.trusted.write_text(AMAZON_ROOTS.read_text() + (home / "root.pem").read_text())
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(chain, home / "server.key")

    def issue(self, name: str, issuer: str, extensions: str) -> None:
        (self.home / f"{name}.ext").write_text(extensions)
        request = ["req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN=runas bench {name}"]
        self.openssl(*request, "-keyout", f"{name}.key", "-out", f"{name}.csr")
        sign = ["x509", "-req", "-days", "2", "-sha256", "-in", f"{name}.csr", "-extfile", f"{name}.ext"]
        if name == issuer:
            signer = ["-signkey", f"{name}.key"]
        else:
            signer = ["-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key", "-CAcreateserial"]
        self.openssl(*sign, *signer, "-out", f"{name}.pem")

    def openssl(self, *arguments: str) -> None:
        command = ["openssl", *arguments]
        try:
            subprocess.run(command, cwd=self.home, check=True, capture_output=True, text=True)
        except FileNotFoundError:
            raise SystemExit("cold: there is no openssl on the path; fix: apt install openssl") from None
        except subprocess.CalledProcessError as error:
            raise SystemExit(f"cold: {' '.join(command)} failed: {error.stderr.strip()}") from None
