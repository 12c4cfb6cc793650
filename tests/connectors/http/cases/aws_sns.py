"""AWS SNS: texts over `Publish`; it reports nothing.

botocore 1.44 makes the same parameters of these messages, and the same signatures of these bodies.
"""

from __future__ import annotations

from .shape import FORM, Answer, Case, Request

ERROR = (
    '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>'
    "<Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
)


def refused(code: str, meaning: str, *, status: int = 400, message: str = "x") -> Answer:
    return Answer(status=status, body=ERROR.format(code=code, message=message), meaning=meaning)


CASE = Case(
    credentials={
        "region": "eu-west-1",
        "access_key_id": "AKIDEXAMPLE",
        "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    },
    requests=(
        Request(
            line="POST https://sns.eu-west-1.amazonaws.com/",
            headers={
                "X-Amz-Date": "20260921T141320Z",
                "Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260921/eu-west-1/sns/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=4235eba52e6f566c903dc2f1a77654634c12aa0567243d9c80fdfe1cddb5330e",
            },
            content_type=FORM,
            body="Action=Publish&Version=2010-03-31&PhoneNumber=%2B4512345678&Message=hello&MessageAttributes.entry.1.Name=AWS.SNS.SMS.SMSType&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=Transactional&MessageAttributes.entry.2.Value.DataType=String&MessageAttributes.entry.2.Value.StringValue=Dragoman&MessageAttributes.entry.2.Name=AWS.SNS.SMS.SenderID",
        ),
        Request(
            line="POST https://sns.eu-west-1.amazonaws.com/",
            headers={
                "X-Amz-Date": "20260921T141320Z",
                "Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260921/eu-west-1/sns/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=07b07923eb8ecdf92bc73c7c969c6cae5fb964c159b2043e84fbc085570914dd",
            },
            content_type=FORM,
            body="Action=Publish&Version=2010-03-31&PhoneNumber=%2B4512345678&Message=gr%C3%BC%C3%9Fe+%F0%9F%98%80&MessageAttributes.entry.1.Name=AWS.SNS.SMS.SMSType&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=Transactional&MessageAttributes.entry.2.Value.DataType=String&MessageAttributes.entry.2.Value.StringValue=%2B12065550100&MessageAttributes.entry.2.Name=AWS.MM.SMS.OriginationNumber",
            message={"text": "grüße 😀", "sender": "12065550100"},
        ),
    ),
    answers=(
        Answer(
            body='<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult>'
            "<MessageId>567910cd-659e-55d4-8ccb-5aaf14679dc0</MessageId></PublishResult>"
            "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishResponse>",
            meaning="accepted",
            ids=("567910cd-659e-55d4-8ccb-5aaf14679dc0",),
        ),
        refused("Throttling", "throttled"),
        refused("InvalidParameter", "refused_by_carrier", message="Invalid parameter: PhoneNumber"),
        refused(
            "InvalidParameter",
            "opted_out",
            message="Invalid parameter: PhoneNumber Reason: +4512345678 is opted out",
        ),
        refused("SignatureDoesNotMatch", "setup", status=403),
        refused("AuthorizationError", "setup", status=403),
        refused("SomethingNew", "refused_by_carrier"),
        refused("SomethingNew", "setup", status=403),
        refused("InternalError", "unknown", status=500),
        refused("ServiceUnavailable", "temporary", status=503),
        Answer(body="<html>", meaning="unknown"),
    ),
)
