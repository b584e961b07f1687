import * as Net from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as database from "../../../../src/cli/run/farm/database.ts"

/** Answers each connection with this error, as a PostgreSQL server does; returns its port. */
const serveError = (message: string) => {
  const fields = Buffer.from(`SFATAL\0C28P01\0M${message}\0\0`)
  const header = Buffer.from([0x45, 0, 0, 0, fields.length + 4])
  return Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server = Net.createServer((socket) =>
        socket.once("data", () => socket.end(Buffer.concat([header, fields])))
      )
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => void server.close())
  ).pipe(Effect.map((server) => (server.address() as Net.AddressInfo).port))
}

const failureOf = (url: string) => Effect.map(Effect.flip(database.open(url, "0 seconds")), ({ message }) => message)

describe("the database of a cluster", () => {
  it.live("says why a connection fails, without the password and without control characters", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* failureOf("postgres://farm:hush@127.0.0.1:1/p?password=hush"),
        "cannot connect to the database postgres://farm@127.0.0.1:1/p?password=...: connection refused"
      )
      const port = yield* serveError("password authentication failed\u001b[31m")
      assert.strictEqual(
        yield* failureOf(`postgres://farm@127.0.0.1:${port}/p?sslmode=disable`),
        `cannot connect to the database postgres://farm@127.0.0.1:${port}/p?sslmode=disable: password authentication failed\\u001b[31m`
      )
    }).pipe(Effect.scoped)
  )

  it.live.each([
    ["mysql://farm:hush@h/p", "mysql://farm@h/p"],
    ["postgres://farm:hu/sh@h/p", "postgres://farm@h/p"],
    ["farm:hush@h/p", "farm@h/p"]
  ])("shows %s without its password", ([url, shown]) =>
    Effect.gen(function* () {
      const fix = "not the URL of a database; write postgres://user@host:port/name"
      assert.strictEqual(yield* failureOf(url!), `--database ${JSON.stringify(shown)}: ${fix}`)
    })
  )
})
