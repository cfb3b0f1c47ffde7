/**
 * Zipkin's own server, from its Maven artifact.
 *
 * @module
 */
import { command, fetched, started, type Fetched, type Started } from "./fetched.ts";

const VERSION = "3.4.4";

/** Its jar. */
export function zipkinJar(): Fetched {
  return fetched(`zipkin-${VERSION}.jar`, (into) => {
    command(["java", "-version"]);
    const plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy";
    const artifact = `-Dartifact=io.zipkin:zipkin-server:${VERSION}:jar:exec`;
    command(["mvn", "-B", "-q", plugin, artifact, `-DoutputDirectory=${into}`], { timeoutMs: 120_000 });
    return `zipkin-server-${VERSION}-exec.jar`;
  });
}

/** Runs it with its spans in memory. */
export function zipkinServer(jar: string): Promise<Started> {
  return started({
    line: () => ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-jar", jar],
    env: (port) => ({ QUERY_PORT: String(port), STORAGE_TYPE: "mem", SELF_TRACING_ENABLED: "false" }),
    ready: "/health",
  });
}
