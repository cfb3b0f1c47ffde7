/**
 * Netflix' own Eureka server, as people run it: a Spring Boot application of ten lines, built from Maven Central. Or the one
 * that the variable SERVICEKIT_TEST_EUREKA names, as `http://…/eureka`, set up as below: without its read-only cache and self-preservation.
 *
 * @module
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { command, fetched, got, started, type Fetched, type Started } from "./fetched.ts";

const VARIABLE = "SERVICEKIT_TEST_EUREKA";
const BOOT = "3.3.5";
const CLOUD = "2023.0.3";

/** A server for the tests of one file. */
export interface EurekaTestServer {
  /** Why there is none; undefined when there is one, or will be. */
  readonly missing: string | undefined;
  /** Why it cannot be killed: it is somebody's. Undefined when it can. */
  readonly foreign: string | undefined;
  /** Where it is, once it runs. */
  readonly url: string;
  /** Ends and starts it, once it runs. It keeps nothing. */
  readonly process: Started;
  start(): Promise<void>;
  stop(): Promise<void>;
}

const FLAGS = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];
const SETTINGS = Object.entries({
  "server.address": "127.0.0.1",
  "eureka.client.register-with-eureka": false,
  "eureka.client.fetch-registry": false,
  "eureka.server.enable-self-preservation": false,
  "eureka.server.eviction-interval-timer-in-ms": 500,
  "eureka.server.use-read-only-response-cache": false,
  // An answer that is being made while an instance goes is kept as it is, though it was to be dropped: by default for three minutes.
  "eureka.server.response-cache-auto-expiration-in-seconds": 1,
  "eureka.server.wait-time-in-ms-when-sync-empty": 0,
}).map(([name, value]) => `--${name}=${value}`);

/** Its jar. */
function eurekaJar(): Fetched {
  const jar = fetched(`eureka-${CLOUD}.jar`, (into) => {
    command(["javac", "-version"]);
    mkdirSync(`${into}/src/main/java/registry`, { recursive: true });
    writeFileSync(`${into}/pom.xml`, POM);
    writeFileSync(`${into}/src/main/java/registry/Main.java`, MAIN);
    command(["mvn", "-B", "-q", "package"], { cwd: into, timeoutMs: 420_000 });
    return "target/registry.jar";
  });
  return "reason" in jar ? jar : eurekaFolder(jar.path);
}

/** The jar unpacked, beside an archive of its classes: it then starts for half of the processor's time. */
function eurekaFolder(jar: string): Fetched {
  const unpacked = fetched(`eureka-${CLOUD}`, (into) => {
    command(["java", "-Djarmode=tools", "-jar", jar, "extract", "--destination", `${into}/unpacked`]);
    return "unpacked";
  });
  if ("reason" in unpacked) return unpacked;
  const path = `${unpacked.path}/${basename(jar)}`;
  // An archive is for one path and one version of Java. Without one, or with a wrong one, it starts all the same.
  fetched(`eureka-${CLOUD}.jsa`, (into) => {
    const archive = [`-XX:ArchiveClassesAtExit=${into}/archive`, "-Dspring.context.exit=onRefresh"];
    command(["java", ...FLAGS, ...archive, "-jar", path, "--server.port=0", ...SETTINGS], { timeoutMs: 180_000 });
    return "archive";
  });
  return { path };
}

/** Prepares a server that shows a change at once and throws out what is silent, which the defaults do after half a minute. */
export function eurekaTestServer(): EurekaTestServer {
  const given = process.env[VARIABLE];
  const jar = given === undefined ? eurekaJar() : undefined;
  let running: Started | undefined;
  return {
    missing: jar !== undefined && "reason" in jar ? jar.reason : undefined,
    foreign: given === undefined ? undefined : `the server that ${VARIABLE} names is not ours to kill`,
    get url() {
      return given ?? `${running?.url ?? "http://127.0.0.1:0"}/eureka`;
    },
    get process() {
      if (running === undefined) throw new Error("no server was started");
      return running;
    },
    async start() {
      if (jar === undefined || "reason" in jar) return;
      running = await started({
        line: (port) => {
          const archive = `-XX:SharedArchiveFile=${dirname(dirname(jar.path))}/eureka-${CLOUD}.jsa`;
          return ["java", ...FLAGS, archive, "-jar", jar.path, `--server.port=${port}`, ...SETTINGS];
        },
        ready: async (port) => (await got(`http://127.0.0.1:${port}/eureka/apps`).catch(() => "")).includes("hashcode"),
        readyMs: 120_000,
      });
    },
    async stop() {
      await running?.[Symbol.asyncDispose]();
      running = undefined;
    },
  };
}

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <parent>
    <groupId>org.springframework.boot</groupId>
    <artifactId>spring-boot-starter-parent</artifactId>
    <version>${BOOT}</version>
    <relativePath/>
  </parent>
  <groupId>test</groupId>
  <artifactId>registry</artifactId>
  <version>1</version>
  <dependencyManagement>
    <dependencies>
      <dependency>
        <groupId>org.springframework.cloud</groupId>
        <artifactId>spring-cloud-dependencies</artifactId>
        <version>${CLOUD}</version>
        <type>pom</type>
        <scope>import</scope>
      </dependency>
    </dependencies>
  </dependencyManagement>
  <dependencies>
    <dependency>
      <groupId>org.springframework.cloud</groupId>
      <artifactId>spring-cloud-starter-netflix-eureka-server</artifactId>
    </dependency>
  </dependencies>
  <build>
    <finalName>registry</finalName>
    <plugins>
      <plugin>
        <groupId>org.springframework.boot</groupId>
        <artifactId>spring-boot-maven-plugin</artifactId>
      </plugin>
    </plugins>
  </build>
</project>
`;

const MAIN = `package registry;

@org.springframework.boot.autoconfigure.SpringBootApplication
@org.springframework.cloud.netflix.eureka.server.EnableEurekaServer
public class Main {
  public static void main(String[] args) {
    org.springframework.boot.SpringApplication.run(Main.class, args);
  }
}
`;
