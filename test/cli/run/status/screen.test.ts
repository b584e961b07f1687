import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Pty from "../../../support/Pty.ts"
import { coursePacket, freePort, loopback, peer, peerInProcess, socket, waitForChange } from "./StatusCli.ts"

const onTerminal = it.live.skipIf(!Pty.isAvailable)

const keys = { up: "\u001b[A", down: "\u001b[B", right: "\u001b[C", left: "\u001b[D" }

/** Starts a peer on a pseudo-terminal. */
const screen = (port: number, columns: number, rows: number, ...args: ReadonlyArray<string>) =>
  Pty.start(["status", "--address", loopback, "--port", `${port}`, ...args], columns, rows)

describe("status on a terminal", () => {
  onTerminal("shows a live table, moves the name with a key, and pages peers (skipped without script and stty)", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const other = yield* peer(port, "other", "--interval", "200ms", "--json")
      const own = yield* screen(port, 100, 12, "own", "--interval", "200ms")
      yield* own.waitForFrame(/^status of own, broadcast to 127\.255\.255\.255 port \d+ {2}2 peers: 2 alive$/m)
      yield* own.waitForFrame(/^name .* x,y .*\nother +alive .* 40,12 .*\nown +alive .* 40,12 .* you$/m)
      yield* waitForChange(other, "Joined", "own")
      yield* own.type(`${keys.right}${keys.right}${keys.up}`)
      yield* own.waitForFrame(/^own +alive .* 42,11 .* you$/m)
      const moved = yield* waitForChange(other, "Updated", "own")
      assert.notDeepEqual(moved.payload, { x: 40, y: 12 })
      yield* other.waitForOutput("stdout", /"name":"own".*"x":42,"y":11/)

      const testSocket = yield* socket()
      for (let n = 10; n < 30; n++) testSocket.send(coursePacket(`\u001b[2Jguest${n}`, n, 1), port, loopback)
      yield* own.waitForFrame(
        /^\\u001b\[2Jguest10 +alive .* course\n(.*\n)*\.\.\. \d+ more, Space shows the next page$/m
      )
      yield* own.type(" ")
      yield* own.waitForFrame(/^\.\.\. \d+ before, \d+ more, Space shows the next page$/m)
      yield* own.resize(30, 8)
      yield* own.waitForFrame(/^q quits/m)

      yield* other.kill("SIGKILL")
      yield* own.waitForFrame(/^other is down: silent for \d/m)
      yield* own.type("q")
      assert.deepInclude(yield* own.ended, { code: 0, isCooked: true })
    }).pipe(Effect.scoped)
  )

  onTerminal("--screen shows names at their positions, as in the course (skipped without script and stty)", () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const other = yield* peerInProcess(port, "other", "--json")
      const own = yield* screen(port, 80, 24, "own", "--screen")
      // Both are at the same position: the own name has its place, and the other one the next row.
      yield* own.waitForFrame(/^\n{12} {40}own\n {40}other\n{10}$/)
      const testSocket = yield* socket()
      testSocket.send(coursePacket("bob", 2, 0), port, loopback)
      testSocket.send(coursePacket("edge", 78, 23), port, loopback)
      testSocket.send(coursePacket("nowhere", -1, 2_000_000_000), port, loopback)
      yield* own.waitForFrame(/^ {2}bob\n{12} {40}own\n {40}other\n{10} {78}ed$/)
      yield* own.type(`${keys.left}${keys.down}`)
      yield* own.waitForFrame(/^ {2}bob\n{12} {40}other\n {39}own\n{10} {78}ed$/)
      yield* other.waitForOutput("stdout", /"name":"own".*"payload":\{"x":39,"y":13,/)
      yield* own.type("\u0003")
      yield* waitForChange(other, "Left", "own")
      assert.deepInclude(yield* own.ended, { code: 0, isCooked: true })
    }).pipe(Effect.scoped)
  )
})
