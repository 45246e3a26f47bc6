"""Unpacks version 2 of the AWS CLI out of the installed package into the folder that is named, and prints the program's path."""

import glob
import io
import os
import sys
import sysconfig
import tarfile
import tempfile
import zipfile

folder = sys.argv[1]
if not os.path.isdir(folder):
    (packed,) = glob.glob(os.path.join(sysconfig.get_path("purelib"), "aws_cdk/asset_awscli_v2/_jsii/*.tgz"))
    with tarfile.open(packed) as package:
        layer = package.extractfile("package/lib/layer.zip").read()
    unpacked = tempfile.mkdtemp(dir=os.path.dirname(folder))
    with zipfile.ZipFile(io.BytesIO(layer)) as archive:
        archive.extractall(unpacked, [name for name in archive.namelist() if "/dist/" in name])
    try:
        os.rename(unpacked, folder)
    except OSError:  # another process was faster
        if not os.path.isdir(folder):
            raise
(program,) = glob.glob(os.path.join(folder, "awscli/v2/*/dist/aws"))
os.chmod(program, 0o755)
print(program)
