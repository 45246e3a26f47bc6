"""SSM documents as AWS keeps them: each function here closes one gap between moto and the service.

What AWS does is cited by where it is written down: [model] is the service's API model, [quotas] the published quotas,
[tf#31131] an issue of the Terraform provider that quotes the service's words. What nobody has written down is a switch.
"""

import json
import re

from moto.core.responses import ActionResult
from moto.ssm import models
from moto.ssm.exceptions import SSMException
from moto.ssm.responses import SimpleSystemManagerResponse as Api

MAX_BYTES = 64 * 1024
VERSION_NAME = r"[a-zA-Z0-9_\-.]{1,128}"
RESERVED_PREFIXES = ("aws", "amazon", "amzn")

BOOLEAN_INPUTS = {"s3EncryptionEnabled", "cloudWatchEncryptionEnabled", "cloudWatchStreamingEnabled", "runAsEnabled"}
STRING_INPUTS = {"s3BucketName", "s3KeyPrefix", "cloudWatchLogGroupName", "kmsKeyId", "runAsDefaultUser"}
STRING_INPUTS |= {"idleSessionTimeout", "maxSessionDuration"}
SESSION_KEYS = {"schemaVersion", "description", "sessionType", "parameters", "inputs", "properties"}
SESSION_TYPES = {"Standard_Stream", "InteractiveCommands", "NonInteractiveCommands", "Port"}
BOOLEAN_TEXT = re.compile(r"|true|false|\{\{.*\}\}", re.IGNORECASE | re.DOTALL)


def install(bed):
    """Puts every correction into moto; `bed` gives the switches."""
    distinct_creation_dates(bed)
    version_selectors()
    default_version_is_a_number()
    content_checks(bed)
    reserved_names()
    names_by_arn()
    compare_and_swap(bed)
    status_after_some_looks(bed)
    list_document_versions()
    deletion()


def invalid_version():
    return SSMException("InvalidDocumentVersion", "The document version is not valid or does not exist.")


def invalid_content(why):
    return SSMException("InvalidDocumentContent", f"The content for the document is not valid: {why}.")


def constraint(value, member, pattern):
    """The words in which every service reports a request outside its model."""
    return SSMException(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {pattern}",
    )


def distinct_creation_dates(bed):
    """CreatedDate belongs to a version and tells versions apart: timestamps carry milliseconds [model], and two writes
    never share one here."""
    original = models.Document.__init__

    def init(self, *args, **kwargs):
        original(self, *args, **kwargs)
        self.created_date = bed.instant_of_write()

    models.Document.__init__ = init


def version_selectors():
    """DocumentVersion is $DEFAULT, $LATEST or a number [model]; one that is not there is InvalidDocumentVersion, which
    GetDocument, DescribeDocument and the writes declare [model] where moto says InvalidDocument."""
    original = models.Documents.find

    def find(self, document_version=None, version_name=None, strict=True):
        if document_version is not None and not re.fullmatch(r"\$LATEST|\$DEFAULT|[1-9][0-9]*", str(document_version)):
            raise constraint(document_version, "documentVersion", "([$]LATEST|[$]DEFAULT|^[1-9][0-9]*$)")
        number = {"$DEFAULT": self.default_version, "$LATEST": self.latest_version}.get(document_version, document_version)
        found = original(self, number, version_name, strict=False)
        if strict and not found:
            raise invalid_version()
        return found

    models.Documents.find = find


def default_version_is_a_number():
    """UpdateDocumentDefaultVersion takes a number and nothing else [model], and knows InvalidDocumentVersion."""

    def update_default_version(self, version):
        if not re.fullmatch(r"[1-9][0-9]*", str(version)):
            raise constraint(version, "documentVersion", "(^[1-9][0-9]*$)")
        found = self.find_by_version(version)
        if not found:
            raise invalid_version()
        self.default_version = version
        return found

    models.Documents.update_default_version = update_default_version


def content_checks(bed):
    """A document is at most 64 KB [quotas]; a Session document has schemaVersion 1.0 and the inputs of its schema.

    Booleans may be text: documents with `"runAsEnabled": ""` are known to exist, and `{{ parameter }}` is documented.
    Inputs that AWS may add later are switched on by name (`extra_inputs`).
    """
    original = models.Document.__init__

    def init(self, *args, **kwargs):
        content = kwargs.get("content")
        if isinstance(content, str) and len(content.encode()) > MAX_BYTES:
            raise SSMException("MaxDocumentSizeExceeded", "The size limit of a document is 64 KB.")
        try:
            original(self, *args, **kwargs)
        except (AttributeError, TypeError) as cause:
            raise invalid_content("not an object") from cause
        self.platform_types = ["Windows", "Linux", "MacOS"]
        self.pending_reads = bed.switches["pending_reads"]
        if self.document_type == "Session":
            check_session(self.content_json, set(bed.switches["extra_inputs"]))

    models.Document.__init__ = init


def check_session(content, extra_inputs):
    if content.get("schemaVersion") not in ("1.0", 1.0):
        raise SSMException("InvalidDocumentSchemaVersion", "The version of the document schema is not supported.")
    if content.get("sessionType") not in SESSION_TYPES:
        raise invalid_content("sessionType")
    inputs = content.get("inputs", {})
    if not isinstance(inputs, dict):
        raise invalid_content("inputs")
    unknown = set(content) - SESSION_KEYS | set(inputs) - BOOLEAN_INPUTS - STRING_INPUTS - {"shellProfile"} - extra_inputs
    if unknown:
        raise invalid_content(", ".join(sorted(unknown)))
    for name, value in inputs.items():
        if not input_is_valid(name, value):
            raise invalid_content(name)


def input_is_valid(name, value):
    if name in BOOLEAN_INPUTS:
        return isinstance(value, bool) or isinstance(value, str) and BOOLEAN_TEXT.fullmatch(value)
    if name in STRING_INPUTS:
        return isinstance(value, str)
    if name == "shellProfile":
        return isinstance(value, dict) and set(value) <= {"windows", "linux"} and all(isinstance(v, str) for v in value.values())
    return True


def reserved_names():
    """Names that begin with aws, amazon or amzn in any case belong to AWS; moto refuses the lower-case ones only."""
    original = models.SimpleSystemManagerBackend.create_document

    def create_document(self, *, name, **rest):
        if name.lower().startswith(RESERVED_PREFIXES):
            raise SSMException("ValidationException", f"Invalid document name {name}")
        return original(self, name=name, **rest)

    models.SimpleSystemManagerBackend.create_document = create_document


def names_by_arn():
    """GetDocument, DescribeDocument and ListDocumentVersions take the ARN for the name [model]; writes do not."""

    def get_documents(self, name):
        own = f"arn:{self.partition}:ssm:{self.region_name}:{self.account_id}:document/"
        found = self._documents.get(name.removeprefix(own))
        if not found:
            raise SSMException("InvalidDocument", "The specified document does not exist.")
        return found

    models.SimpleSystemManagerBackend._get_documents = get_documents


def compare_and_swap(bed):
    """UpdateDocument changes the latest version only: a stale number is InvalidDocumentVersion, in these words
    [tf#31131]. A VersionName is unique in its document, and a document holds 1,000 versions [model, quotas].

    Whether equal content is a duplicate of any version or of the latest only is not written down: `duplicate_content`.
    """

    def update_document(self, content, attachments, name, version_name, document_version, document_format, target_type):
        models._validate_document_info(
            content=content, name=name, document_type=None, document_format=document_format, strict=False
        )
        documents = self._documents.get(name)
        if not documents:
            raise SSMException("InvalidDocument", "The specified document does not exist.")
        latest = documents.get_latest_version()
        if document_version is None or documents.find(document_version, strict=False) is not latest:
            raise SSMException(
                "InvalidDocumentVersion",
                f"Version provided for document {name} is not latest. "
                f"Please provide the latest version to update document {name}",
            )
        new = models.Document(
            account_id=self.account_id,
            name=name,
            version_name=version_name,
            content=content,
            document_type=latest.document_type,
            document_format=document_format,
            requires=latest.requires,
            attachments=attachments,
            target_type=target_type or latest.target_type,
            document_version=str(int(documents.latest_version) + 1),
        )
        if version_name:
            check_version_name(version_name)
            if documents.find_by_version_name(version_name):
                raise SSMException("DuplicateDocumentVersionName", "The version name has already been used in this document.")
        if len(documents.versions) >= bed.switches["version_limit"]:
            raise SSMException(
                "DocumentVersionLimitExceeded",
                "The document has too many versions. Delete one or more document versions and try again.",
            )
        rivals = [latest] if bed.switches["duplicate_content"] == "latest" else documents.versions.values()
        if any(rival.content == new.content for rival in rivals):
            raise SSMException(
                "DuplicateDocumentContent",
                "The content of the association document matches another document. "
                "Change the content of the document and try again.",
            )
        documents.add_new_version(new)
        return documents.describe(document_version=new.document_version, tags=self._get_documents_tags(name))

    models.SimpleSystemManagerBackend.update_document = update_document


def check_version_name(version_name):
    if not re.fullmatch(VERSION_NAME, version_name):
        raise constraint(version_name, "versionName", f"^{VERSION_NAME}$")


def status_after_some_looks(bed):
    """A write answers Creating or Updating and becomes Active a while later [model]; here after `pending_reads` looks
    at that version through Get, Describe or List. `failed_documents` stay Failed."""

    def look(backend, document):
        if bed.selects("failed_documents", account=backend.account_id, region=backend.region_name, name=document.name):
            return {"Status": "Failed", "StatusInformation": "The document failed as the test asked."}
        if document.pending_reads == 0:
            return {"Status": "Active"}
        document.pending_reads -= 1
        return {"Status": pending_status(document.document_version)}

    def create_document(self):
        if self._get_param("VersionName"):
            check_version_name(self._get_param("VersionName"))
        return pending_reply(create(self))

    def update_document(self):
        return pending_reply(update(self))

    def describe_document(self):
        documents = self.ssm_backend._get_documents(self._get_param("Name"))
        selected = documents.find(self._get_param("DocumentVersion"), self._get_param("VersionName"))
        reply = describe(self)
        reply.result["Document"].update(look(self.ssm_backend, selected))
        return reply

    def get_document(self):
        documents = self.ssm_backend._get_documents(self._get_param("Name"))
        selected = documents.find(self._get_param("DocumentVersion"), self._get_param("VersionName"))
        reply = get(self)
        reply.result.update(look(self.ssm_backend, selected), CreatedDate=selected.created_date)
        return reply

    create, update, describe, get = Api.create_document, Api.update_document, Api.describe_document, Api.get_document
    Api.create_document, Api.update_document = create_document, update_document
    Api.describe_document, Api.get_document = describe_document, get_document
    Api.look = lambda self, document: look(self.ssm_backend, document)


def pending_status(version):
    return "Creating" if version == "1" else "Updating"


def pending_reply(reply):
    description = reply.result["DocumentDescription"]
    description["Status"] = pending_status(description["DocumentVersion"])
    return reply


def list_document_versions():
    """ListDocumentVersions, which moto lacks: newest first, pages of at most fifty, InvalidNextToken [model]."""

    def list_versions(self):
        documents = self.ssm_backend._get_documents(self._get_param("Name"))
        size = self._get_param("MaxResults", 50)
        if not 1 <= size <= 50:
            raise constraint(size, "maxResults", "a number from 1 to 50")
        token = self._get_param("NextToken")
        if token and not re.fullmatch(r"before-[0-9]+", token):
            raise SSMException("InvalidNextToken", "The specified token is not valid.")
        below = int(token.removeprefix("before-")) if token else float("inf")
        numbers = sorted((n for n in map(int, documents.versions) if n < below), reverse=True)
        page = [documents.versions[str(n)] for n in numbers[:size]]
        more = f"before-{page[-1].document_version}" if len(numbers) > size else None
        result = {"DocumentVersions": [describe(self, documents, v) for v in page]}
        return ActionResult(result | ({"NextToken": more} if more else {}))

    def describe(self, documents, version):
        described = {
            "Name": version.name,
            "DocumentVersion": version.document_version,
            "CreatedDate": version.created_date,
            "IsDefaultVersion": version.document_version == documents.default_version,
            "DocumentFormat": version.document_format,
        }
        if version.version_name:
            described["VersionName"] = version.version_name
        return described | self.look(version)

    Api.list_document_versions = list_versions


def deletion():
    """A document that is still shared is not deleted: InvalidDocumentOperation [model]. One version is, unless it is
    the default or the latest. A whole document takes its tags with it."""

    def delete_document(self, name, document_version, version_name, force):
        documents = self._get_documents(name)
        if not document_version and not version_name:
            if documents.is_shared():
                raise SSMException("InvalidDocumentOperation", "Must unshare document first before delete")
            del self._documents[name]
            self._resource_tags.get("Document", {}).pop(name, None)
            return
        number = documents.find(document_version, version_name).document_version
        if number == documents.default_version:
            raise SSMException("InvalidDocumentOperation", "Default version of the document can't be deleted.")
        if number == documents.latest_version:
            raise SSMException("InvalidDocumentOperation", "Latest version of the document can't be deleted.")
        documents.delete(number)

    models.SimpleSystemManagerBackend.delete_document = delete_document


def snapshot(chosen=None):
    """Every document there is, or those of one account, for a test to look at without being counted, checked or logged."""
    return {
        account: {
            region: {name: describe_all(documents) for name, documents in backend._documents.items()}
            for region, backend in regions.items()
            if backend._documents
        }
        for account, regions in list(models.ssm_backends.items())
        if chosen in (None, account)
    }


def describe_all(documents):
    newest_first = sorted(documents.versions.values(), key=lambda v: -int(v.document_version))
    return {
        "default": documents.default_version,
        "latest": documents.latest_version,
        "type": newest_first[0].document_type,
        "shared_with": sorted(documents.permissions),
        "versions": [
            {
                "version": v.document_version,
                "version_name": v.version_name,
                "format": v.document_format,
                "content": v.content,
                "json": json.loads(json.dumps(v.content_json, default=str)),
            }
            for v in newest_first
        ],
    }
