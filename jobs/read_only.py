"""A Spark whose clients ask and change nothing that another client sees: Thrift and Connect beside each other, on one address.

This guards readers from each other. What the service itself can read and write is for its operating-system user to say.
"""

from __future__ import annotations

import logging
import os
import socket
import tempfile
from typing import Any

from py4j.java_gateway import is_instance_of
from py4j.protocol import Py4JJavaError
from pyspark.java_gateway import ensure_callback_server_started
from pyspark.sql import SparkSession

from jobs.connect import TOKEN, listens, server_conf
from jobs.errors import LakeError
from jobs.processes import started
from jobs.session import driver_pid, open_session

_CATALYST = "org.apache.spark.sql.catalyst"
_TELLS = ("Show", "Describe", "Explain")  # what SHOW, DESCRIBE and EXPLAIN become
_ITS_OWN = ("SetCommand", "ResetCommand", "SetCatalogAndNamespace", "SetNamespaceCommand", "SetCatalogCommand")
_RUNS_JAVA = ("reflect", "java_method", "try_reflect")


def open_service(root: str, host: str, thrift: int, connect: int, token: str) -> SparkSession:
    """Start Spark for readers, on ports that are free. The session returned may change views, those of clients may not."""
    for port in (thrift, connect):
        _need_free(host, port)
    os.environ[TOKEN] = token  # Java takes it from the environment
    conf = server_conf(root)
    own = {
        "spark.app.name": "city-lakehouse-sql",
        "spark.connect.grpc.binding.address": host,
        "spark.connect.grpc.binding.port": str(connect),
        "spark.sql.connect.serverStacktrace.enabled": "false",  # an analyst is told what is wrong, not where in Spark
        "spark.scheduler.mode": "FAIR",  # a short question does not wait for a long one
        "spark.driver.extraJavaOptions": f"{conf['spark.driver.extraJavaOptions']} -Djava.io.tmpdir={tempfile.gettempdir()} "
        f"-Dhive.server2.thrift.bind.host={host} -Dhive.server2.thrift.port={thrift} "
        f"-Dhive.exec.scratchdir={tempfile.gettempdir()}/hive",
    }
    spark = open_session(conf=conf | own)
    _protect(spark)
    return spark


def listen(spark: SparkSession, host: str, thrift: int) -> None:
    """Let clients in. Not before: a session that was there before the rule would not be asked."""
    jvm: Any = spark._jvm
    jvm.org.apache.spark.sql.connect.service.SparkConnectService.start(spark.sparkContext._jsc.sc())
    jvm.org.apache.spark.sql.hive.thriftserver.HiveThriftServer2.startWithSparkSession(spark._jsparkSession, False)
    if not listens(host, thrift, is_alive):
        raise LakeError("E505", place=f"{host}:{thrift}", expected="a Thrift server that answers", actual="none")


def is_alive() -> bool:
    """Whether this process's Spark runs."""
    return bool(started(driver_pid()))


def _need_free(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise LakeError("E505", place=f"{host}:{port}", expected="free", actual=error.strerror or "taken") from None


def _protect(spark: SparkSession) -> None:
    """Let Spark ask us about each plan of each other session before it runs. Where we do not answer, nothing runs."""
    gateway: Any = spark.sparkContext._gateway
    logging.getLogger("py4j").setLevel(logging.CRITICAL)  # a refusal is no failure of ours
    gateway.callback_server_parameters.propagate_java_exceptions = True
    ensure_callback_server_started(gateway)  # type: ignore[no-untyped-call]
    functions = getattr(gateway.jvm, f"{_CATALYST}.analysis.FunctionRegistry").builtin()
    for name in _RUNS_JAVA:
        functions.dropFunction(getattr(gateway.jvm, f"{_CATALYST}.FunctionIdentifier")(name))
    spark._jsparkSession.extensions().injectCheckRule(_Rules(gateway, spark._jsparkSession))


class _Rules:
    """Scala's Function1[SparkSession, LogicalPlan => Unit]: makes the rule of a session."""

    def __init__(self, gateway: Any, own: Any) -> None:
        self.gateway, self.own = gateway, own

    def apply(self, session: Any) -> object:
        return _Rule(self.gateway, is_ours=session.equals(self.own))

    class Java:
        implements = ("scala.Function1",)


class _Rule:
    """Scala's Function1[LogicalPlan, Unit]: refuses a plan that is more than a question."""

    def __init__(self, gateway: Any, *, is_ours: bool) -> None:
        self.gateway, self.is_ours = gateway, is_ours

    def apply(self, plan: Any) -> None:
        if not self.is_ours and (wrong := self._find_command(plan)):
            params = {"statement": wrong, "objectType": "read-only service", "objectName": "lake serve"}
            spark = self.gateway.jvm.org.apache.spark
            scala = spark.api.python.PythonUtils.toScalaMap(params)
            error = spark.SparkUnsupportedOperationException("FORBIDDEN_OPERATION", scala)
            raise Py4JJavaError("", error)

    def _find_command(self, plan: Any) -> str:
        """The first command in a plan that does more than tell; one stands at the top, or below a WITH or several INSERTs."""
        name = str(plan.getClass().getSimpleName())
        if name in ("WithCTE", "Union"):
            parts = plan.children()
            return next(filter(None, (self._find_command(parts.apply(i)) for i in range(parts.size()))), "")
        if name.startswith(_TELLS) or name in _ITS_OWN or _is_private_view(name, plan):
            return ""
        return name if is_instance_of(self.gateway, plan, f"{_CATALYST}.plans.logical.Command") else ""

    class Java:
        implements = ("scala.Function1",)


def _is_private_view(name: str, plan: Any) -> bool:
    """A temporary view is seen by the session that made it, and by nobody else."""
    return name == "CreateViewCommand" and str(plan.viewType()) == "LocalTempView"
