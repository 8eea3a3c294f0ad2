"""What every gRPC server is asked: the standard health service, as grpc_health_probe asks it, and reflection, as grpcurl does."""

import grpc
import pytest
from conftest import GRPC
from google.protobuf import descriptor_pool, json_format
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

SERVICE = "inference.GRPCInferenceService"
SERVING = health_pb2.HealthCheckResponse.SERVING


@pytest.fixture
def channel():
    with grpc.insecure_channel(GRPC) as opened:
        yield opened


@pytest.mark.parametrize("service", ["", SERVICE])
def test_health(channel, service):
    stub = health_pb2_grpc.HealthStub(channel)
    assert stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=10).status == SERVING


def test_health_of_a_service_that_is_not_there(channel):
    with pytest.raises(grpc.RpcError) as error:
        health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=10)
    assert error.value.code() == grpc.StatusCode.NOT_FOUND


def test_health_is_watched(channel):
    watched = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=""), timeout=10)
    assert next(watched).status == SERVING
    watched.cancel()


def test_reflection_is_enough_to_call(channel):
    """Without a .proto file: services, then messages, then the call itself."""
    database = ProtoReflectionDescriptorDatabase(channel)
    assert {SERVICE, "grpc.health.v1.Health"} <= set(database.get_services())
    pool = descriptor_pool.DescriptorPool(database)
    method = pool.FindServiceByName(SERVICE).FindMethodByName("ModelReady")
    given, result = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
    call = channel.unary_unary(f"/{SERVICE}/ModelReady", given.SerializeToString, result.FromString)
    assert json_format.MessageToDict(call(given(name="sentiment"), timeout=10)) == {"ready": True}
