"""AWS End User Messaging SMS; its calls come in envelopes of SNS, which `test_aws.py` opens."""

from __future__ import annotations

from .shape import Answer, Case, Request

CASE = Case(
    credentials={
        "region": "eu-west-1",
        "access_key_id": "AKIDEXAMPLE",
        "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "topic_arn": "arn:aws:sns:eu-west-1:123456789012:sms",
        "configuration_set": "reports",
    },
    requests=(
        Request(
            line="POST https://sms-voice.eu-west-1.amazonaws.com/",
            headers={
                "X-Amz-Target": "PinpointSMSVoiceV2.SendTextMessage",
                "X-Amz-Date": "20260921T141320Z",
                "Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260921/eu-west-1/sms-voice/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=6238f127a60bec30af7343b7cc0b4dfb14189b0a90c6f5b09a8c7c6c31e75ead",
            },
            content_type="application/x-amz-json-1.0",
            body='{"DestinationPhoneNumber":"+4512345678","OriginationIdentity":"Dragoman","MessageBody":"hello","MessageType":"TRANSACTIONAL","ConfigurationSetName":"reports","TimeToLive":3600,"Context":{"ref":"dabc"}}',
        ),
    ),
    answers=(
        Answer(
            body='{"MessageId":"862a8790-60c0-4430-9b2b-658bdexample"}',
            meaning="accepted",
            ids=("862a8790-60c0-4430-9b2b-658bdexample",),
        ),
        Answer(
            status=400,
            body='{"__type":"com.amazonaws.pinpointsmsvoicev2#ThrottlingException","Message":"Rate exceeded"}',
            meaning="throttled",
        ),
        Answer(
            status=400,
            body='{"__type":"ServiceQuotaExceededException","Reason":"MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT"}',
            meaning="credit",
        ),
        Answer(
            status=400,
            body='{"__type":"ConflictException","Reason":"DESTINATION_PHONE_NUMBER_OPTED_OUT"}',
            meaning="opted_out",
        ),
        Answer(
            status=400,
            body='{"__type":"ValidationException","Reason":"INVALID_PARAMETER"}',
            meaning="refused_by_carrier",
        ),
        Answer(status=400, body='{"__type":"AccessDeniedException"}', meaning="setup"),
        # The sender of one message is not the account's: no reason to stop the carrier.
        Answer(
            status=400,
            body='{"__type":"ResourceNotFoundException","Message":"x","ResourceId":"Nobody","ResourceType":"sender-id"}',
            meaning="invalid_sender",
        ),
        Answer(
            status=400,
            body='{"__type":"ResourceNotFoundException","Message":"x","ResourceId":"+4511","ResourceType":"phone-number"}',
            meaning="invalid_sender",
        ),
        Answer(
            status=400,
            body='{"__type":"ResourceNotFoundException","Message":"x","ResourceId":"c","ResourceType":"configuration-set"}',
            meaning="setup",
        ),
        Answer(
            status=400,
            body='{"__type":"ConflictException","Reason":"NO_ORIGINATION_IDENTITIES_FOUND"}',
            meaning="invalid_sender",
        ),
        Answer(
            status=400,
            body='{"__type":"ConflictException","Reason":"DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION"}',
            meaning="not_allowed",
        ),
        Answer(
            status=400,
            body='{"__type":"ValidationException","Reason":"SENDER_ID_REQUIRES_REGISTRATION"}',
            meaning="invalid_sender",
        ),
        Answer(status=500, body='{"__type":"InternalServerException"}', meaning="unknown"),
    ),
)
