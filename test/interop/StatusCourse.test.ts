/** The course's packets to and from C programs and shell commands, over the loopback broadcast address. */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Network from "../../src/network/Network.ts"
import * as NodeNetwork from "../../src/network/node/NodeNetwork.ts"
import * as CoursePacket from "../../src/status/wire/CoursePacket.ts"
import { directory } from "../support/Directory.ts"
import { assertNoLeaks } from "../support/Handles.ts"

const reference = Fs.readFileSync(new URL("../../docs/reference/status-wire-format.md", import.meta.url), "utf8")

/** C program of the reference: binds the port, prints it, and prints one packet. */
const receiver = /```c\n(.*?)```/s.exec(reference)![1]!

/** Sends one packet with garbage after the NUL, like a struct on the stack. */
const sender = `
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
struct update { char text[64]; int32_t x, y; } u;
int main(int argc, char **argv) {
  int s = socket(AF_INET, SOCK_DGRAM, 0), yes = 1;
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(argv[1])) };
  inet_aton(argv[2], &to.sin_addr);
  setsockopt(s, SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes);
  memset(&u, 0xa5, sizeof u);
  strcpy(u.text, argv[3]);
  u.x = atoi(argv[4]), u.y = atoi(argv[5]);
  return sendto(s, &u, sizeof u, 0, (struct sockaddr *)&to, sizeof to) != 72;
}
`

const has = (command: string) => ChildProcess.spawnSync("which", [command]).status === 0

const missing = (...commands: ReadonlyArray<string>) => {
  const lacking = commands.filter((command) => !has(command))
  return lacking.length === 0 ? "" : ` (skipped: no ${lacking.join(", ")})`
}

const compile = Effect.fnUntraced(function* (source: string) {
  const { path } = yield* directory()
  const file = Path.join(path, "program")
  Fs.writeFileSync(`${file}.c`, source)
  const { status, stderr } = ChildProcess.spawnSync("cc", ["-Wall", "-o", file, `${file}.c`], { encoding: "utf8" })
  assert.deepStrictEqual({ status, stderr }, { status: 0, stderr: "" })
  return file
})

/** Runs a program until the scope closes; `line` waits for its next line. */
const start = Effect.fnUntraced(function* (command: string, args: ReadonlyArray<string>, input?: Uint8Array) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const child = ChildProcess.spawn(command, args)
      child.stdin.end(input)
      return child
    }),
    (child) =>
      Effect.callback<void>((resume) => {
        if (child.stdout.closed) return resume(Effect.void)
        child.once("close", () => resume(Effect.void))
        child.kill("SIGKILL")
      })
  )
  const lines: Array<string> = []
  let rest = ""
  let wake = () => {}
  let over = false
  child.stdout.on("data", (bytes) => {
    const [last = "", ...whole] = `${rest}${bytes}`.split("\n").reverse()
    rest = last
    lines.push(...whole.reverse())
    wake()
  })
  child.on("close", () => {
    over = true
    wake()
  })
  const line = Effect.callback<string>((resume) => {
    wake = () => {
      const next = lines.shift()
      if (next !== undefined) resume(Effect.succeed(next))
      else if (over) resume(Effect.die(`${command} ended without another line`))
    }
    wake()
  })
  return { line }
})

/** Returns an unused UDP port. */
const freePort = Effect.scoped(
  Effect.gen(function* () {
    const network = yield* Network.Network
    return (yield* network.udp({ host: "0.0.0.0" }, () => {})).local.port
  })
)

const broadcast = "127.255.255.255"

/** Binds a port and returns the first of the course's packets that arrives. */
const listener = Effect.gen(function* () {
  const network = yield* Network.Network
  const port = yield* freePort
  const first = yield* Deferred.make<CoursePacket.CoursePacket | undefined>()
  yield* network.udp({ host: "0.0.0.0", port, reuseAddress: true }, (bytes) =>
    Deferred.doneUnsafe(first, Effect.succeed(CoursePacket.decode(bytes)))
  )
  return { port, first: Deferred.await(first) }
})

const test = (name: string, why: string, body: Effect.Effect<void, unknown, Network.Network | Scope.Scope>) =>
  it.live.skipIf(why !== "")(`${name}${why}`, () =>
    assertNoLeaks(body.pipe(Effect.scoped, Effect.provide(NodeNetwork.layer), Effect.timeout("50 seconds")))
  )

/** A packet of 72 bytes from one printf: a name, a NUL, 60 digits of garbage, 40 and 12. */
const byHand = String.raw`printf 'bob\0%060d\050\0\0\0\014\0\0\0' 0`

const handMade = () => {
  const { stdout } = ChildProcess.spawnSync("sh", ["-c", byHand])
  assert.lengthOf(stdout, CoursePacket.sizeBytes)
  return stdout
}

describe("the course's packet format", () => {
  test(
    "is decoded by the reference's C program when we broadcast it",
    missing("cc"),
    Effect.gen(function* () {
      const program = yield* compile(receiver)
      const network = yield* Network.Network
      const port = yield* freePort
      const socket = yield* network.udp({ broadcast: true }, () => {})
      for (const packet of [
        { name: "bob", x: 40, y: 12 },
        { name: `${"日".repeat(20)}end`, x: -(2 ** 31), y: 2 ** 31 - 1 }
      ]) {
        const { line } = yield* start(program, [String(port)])
        assert.strictEqual(yield* line, `port ${port}`)
        const bytes = Result.getOrThrow(CoursePacket.encode(packet))
        yield* socket.send(bytes, { address: broadcast, port })
        assert.strictEqual(yield* line, `72 bytes: ${packet.name} ${packet.x} ${packet.y}`)
      }
    })
  )

  test(
    "is decoded by us from a C program, with garbage after the NUL",
    missing("cc"),
    Effect.gen(function* () {
      const program = yield* compile(sender)
      for (const to of [broadcast, "127.0.0.1"]) {
        const { first, port } = yield* listener
        yield* start(program, [String(port), to, "zoë", "-5", "70000"])
        assert.deepStrictEqual(yield* first, { name: "zoë", x: -5, y: 70_000 })
      }
    })
  )

  for (const to of [broadcast, "127.0.0.1"]) {
    test(
      `is decoded by us from printf and socat to ${to}`,
      missing("socat"),
      Effect.gen(function* () {
        const { first, port } = yield* listener
        yield* start("socat", ["-", `UDP4-DATAGRAM:${to}:${port},broadcast`], handMade())
        assert.deepStrictEqual(yield* first, { name: "bob", x: 40, y: 12 })
      })
    )
  }

  test(
    "is decoded by us from printf and nc",
    missing("nc"),
    Effect.gen(function* () {
      const { first, port } = yield* listener
      yield* start("nc", ["-u", "-w", "1", "127.0.0.1", String(port)], handMade())
      assert.deepStrictEqual(yield* first, { name: "bob", x: 40, y: 12 })
    })
  )

  it("is the hand-made packet of the reference", () => assert.include(reference, byHand))
})
