/** `connect` and `listen` with nc(1) and socat(1), both ways. */
import { execFileSync, spawnSync } from "node:child_process"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Directory from "../support/Directory.ts"
import { freePort, have, inet, start } from "../support/Shell.ts"

const isOpenbsd = spawnSync("nc", ["-h"], { encoding: "utf8" }).stderr?.includes("OpenBSD") === true
const noNc = isOpenbsd ? "" : " (skipped: no nc of OpenBSD)"
const noSocat = have("socat") ? "" : " (skipped: no socat)"

/** Programs that serve or connect, as shell commands; each ends when both directions have ended. */
const servers = {
  nc: { missing: noNc, command: (port: number) => `nc -N -n -v -l 127.0.0.1 ${port}`, ready: /listening on/i },
  socat: {
    missing: noSocat,
    command: (port: number) => `socat -d -d -t 100 - TCP-LISTEN:${port},bind=127.0.0.1`,
    ready: /listening on/i
  }
}
const clients = {
  nc: { missing: noNc, command: (port: number) => `nc -N -n 127.0.0.1 ${port}` },
  socat: { missing: noSocat, command: (port: number) => `socat -t 100 - TCP:127.0.0.1:${port}` }
}

/** More than all buffers between the programs: those of two sockets and two pipes. */
const transferMebibytes = 32

/** Makes two files to send, and the names of the files to receive into. */
const files = (mebibytes: number) =>
  Effect.map(Directory.directory(), ({ root: folder }) => {
    const path = (name: string) => Path.join(folder, name)
    for (const name of ["up", "down"]) Fs.writeFileSync(path(name), Crypto.randomBytes(mebibytes * 1_048_576))
    return path
  })

/** Fails unless each file was received as it was sent. */
const assertReceived = (path: (name: string) => string) => {
  for (const name of ["up", "down"]) execFileSync("cmp", [path(name), path(`${name}.received`)])
}

describe("connect and listen", () => {
  for (const [name, { command, missing, ready }] of Object.entries(servers)) {
    it.live.skipIf(missing !== "")(
      `connect carries ${transferMebibytes} MiB each way at once, with a server by ${name}${missing}`,
      () =>
        Effect.gen(function* () {
          const path = yield* files(transferMebibytes)
          const port = yield* freePort
          const server = yield* start(`${command(port)} < ${path("down")} > ${path("up.received")}`)
          yield* server.waitFor("stderr", ready)
          const client = yield* start(
            `${inet} connect --half-close 127.0.0.1 ${port} < ${path("up")} > ${path("down.received")}`
          )
          assert.deepStrictEqual([yield* client.ended, client.stderr()], [0, ""])
          assert.strictEqual(yield* server.ended, 0)
          assertReceived(path)
        }).pipe(Effect.scoped)
    )
  }

  for (const [name, { command, missing }] of Object.entries(clients)) {
    it.live.skipIf(missing !== "")(
      `listen carries ${transferMebibytes} MiB each way at once, with a client by ${name}${missing}`,
      () =>
        Effect.gen(function* () {
          const path = yield* files(transferMebibytes)
          const server = yield* start(`${inet} listen 0 --half-close < ${path("down")} > ${path("up.received")}`)
          const [, port] = yield* server.waitFor("stderr", /listening on 127\.0\.0\.1:(\d+)/)
          const client = yield* start(`${command(Number(port))} < ${path("up")} > ${path("down.received")}`)
          assert.strictEqual(yield* client.ended, 0)
          assert.strictEqual(yield* server.ended, 0)
          assertReceived(path)
        }).pipe(Effect.scoped)
    )
  }

  it.live.skipIf(noNc !== "")(`connect --udp and listen --udp exchange datagrams with nc${noNc}`, () =>
    Effect.gen(function* () {
      const port = yield* freePort
      const theirServer = yield* start(`nc -n -v -u -l 127.0.0.1 ${port}`)
      yield* theirServer.waitFor("stderr", /bound on|listening on/i)
      const ourClient = yield* start(`${inet} connect --udp 127.0.0.1 ${port}`)
      yield* ourClient.type("one\n")
      yield* theirServer.waitFor("stdout", /one\n/)
      yield* theirServer.type("two\n")
      yield* ourClient.waitFor("stdout", /two\n/)
      const ourServer = yield* start(`${inet} listen --udp 0`)
      const [, ours] = yield* ourServer.waitFor("stderr", /listening on 127\.0\.0\.1:(\d+)/)
      const theirClient = yield* start(`nc -n -u 127.0.0.1 ${ours}`)
      yield* theirClient.type("three\n")
      yield* ourServer.waitFor("stdout", /three\n/)
      yield* ourServer.type("four\n")
      yield* theirClient.waitFor("stdout", /four\n/)
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(noNc !== "")(`connect --unix and listen --unix talk to nc -U${noNc}`, () =>
    Effect.gen(function* () {
      const { root: folder } = yield* Directory.directory()
      const [theirs, ours] = [Path.join(folder, "theirs"), Path.join(folder, "ours")]
      const theirServer = yield* start(`printf down | nc -N -v -l -U ${theirs}`)
      yield* theirServer.waitFor("stderr", /listening on/i)
      const ourClient = yield* start(`printf up | ${inet} connect --half-close --unix ${theirs}`)
      assert.deepStrictEqual([yield* ourClient.ended, ourClient.stdout(), ourClient.stderr()], [0, "down", ""])
      assert.deepStrictEqual([yield* theirServer.ended, theirServer.stdout()], [0, "up"])
      const ourServer = yield* start(`printf down | ${inet} listen --half-close --unix ${ours}`)
      yield* ourServer.waitFor("stderr", /listening on/)
      const theirClient = yield* start(`printf up | nc -N -U ${ours}`)
      assert.deepStrictEqual([yield* theirClient.ended, theirClient.stdout()], [0, "down"])
      assert.deepStrictEqual([yield* ourServer.ended, ourServer.stdout()], [0, "up"])
      assert.isFalse(Fs.existsSync(ours))
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(noNc !== "")(`listen --keep-open serves one nc after the other from one input${noNc}`, () =>
    Effect.gen(function* () {
      const server = yield* start(`${inet} listen 0 --keep-open`)
      const [, port] = yield* server.waitFor("stderr", /listening on 127\.0\.0\.1:(\d+)/)
      for (const name of ["first", "second"]) {
        const client = yield* start(`nc -n -N 127.0.0.1 ${port}`)
        yield* client.type(`from ${name}\n`)
        yield* server.waitFor("stdout", new RegExp(`from ${name}\n$`))
        yield* server.type(`to ${name}\n`)
        yield* client.waitFor("stdout", new RegExp(`^to ${name}\n$`))
        client.child.stdin.end()
        assert.strictEqual(yield* client.ended, 0)
      }
      server.child.kill("SIGTERM")
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(noNc !== "")(`listen --exec --keep-open runs a command for each nc, at the same time${noNc}`, () =>
    Effect.gen(function* () {
      const server = yield* start(
        `${inet} listen 0 --keep-open --max-connections 2 --exec sh -- -c 'echo $$; exec cat'`
      )
      const [, port] = yield* server.waitFor("stderr", /listening on 127\.0\.0\.1:(\d+)/)
      const open = Effect.gen(function* () {
        const client = yield* start(`nc -n -N 127.0.0.1 ${port}`)
        const [, pid] = yield* client.waitFor("stdout", /^(\d+)\n/)
        return { ...client, pid }
      })
      const [one, two] = [yield* open, yield* open]
      assert.notStrictEqual(one.pid, two.pid)
      const third = yield* start(`nc -n 127.0.0.1 ${port} < /dev/null`)
      assert.deepStrictEqual([yield* third.ended, third.stdout()], [0, ""])
      for (const client of [two, one]) {
        yield* client.type("echo\n")
        yield* client.waitFor("stdout", /\necho\n$/)
        client.child.stdin.end()
        assert.strictEqual(yield* client.ended, 0)
      }
    }).pipe(Effect.scoped)
  )
})
