import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as NodeServices from "../../../../src/network/node/NodeServices.ts"
import * as MemoryStore from "../../../../src/tftp/store/MemoryStore.ts"
import * as TftpClient from "../../../../src/tftp/TftpClient.ts"
import * as Cli from "../../../support/Cli.ts"
import { directory } from "../../../support/Directory.ts"
import { bytesOf } from "../../../support/Files.ts"
import { waitUntil } from "../../../support/Pause.ts"
import * as HttpFiles from "../../../support/tftp/HttpFiles.ts"

const hook = `#!/bin/sh
echo "$TFTP_FILE $TFTP_BYTES $TFTP_PATH" > "$0.new"
mv "$0.new" "$0.out"
`

describe("tftp serve", () => {
  it.live("fetches missing files into a cache, finishes them when it stops, and runs a program after an upload", () =>
    Effect.gen(function* () {
      let send = () => {}
      const http = yield* HttpFiles.serve({
        "/boot/small": HttpFiles.text("from afar"),
        "/boot/slow": (response) => {
          response.writeHead(200, { "content-length": 100_005 }).write("x".repeat(100_000))
          send = () => response.end("hello")
        }
      })
      const { inRoot, path, root } = yield* directory()
      const command = Path.join(path, "hook")
      Fs.writeFileSync(command, hook, { mode: 0o755 })
      const cache = Path.join(path, "cache/files")
      const server = yield* Cli.serve([
        ...["tftp", "serve", "--root", root, "--write", "create", "--on-upload", command],
        ...["--fallback", http.url, "--fallback-cache", cache]
      ])
      const target = (name: string) => ({ host: "127.0.0.1", port: server.port, path: name })
      const open = (name: string) => Effect.map(TftpClient.open(target(name)), ({ content }) => content)

      for (let times = 0; times < 2; times++) {
        assert.strictEqual(yield* Stream.mkString(Stream.decodeText(yield* open("small"))), "from afar")
      }
      assert.deepStrictEqual(http.requests, ["/boot/small"])

      yield* TftpClient.put(target("new"), MemoryStore.fromBytes(bytesOf("text")))
      yield* waitUntil(() => Fs.existsSync(`${command}.out`))
      assert.strictEqual(Fs.readFileSync(`${command}.out`, "utf8"), `new 4 ${inRoot("new")}\n`)

      const reading = yield* Effect.forkScoped(Effect.flatMap(open("slow"), Stream.mkUint8Array))
      yield* http.arrived(2)
      yield* server.kill("SIGTERM")
      const isStopping = Effect.match(Effect.scoped(open("small")), {
        onSuccess: () => false,
        onFailure: ({ message }) => message.includes("stopping")
      })
      while (!(yield* isStopping));
      send()
      assert.strictEqual((yield* Fiber.join(reading)).length, 100_005)
      assert.strictEqual((yield* server.ended).code, 0)
      assert.deepStrictEqual(
        Fs.readdirSync(cache).filter((name) => !/\.(?:json|data)$/.test(name)),
        []
      )
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("says what is wrong with the fallback, its cache and the program", () =>
    Effect.gen(function* () {
      const { path, root } = yield* directory({ text: "not a program" })
      const outcome = (...args: ReadonlyArray<string>) =>
        Effect.map(
          Cli.runInProcess(["tftp", "serve", "--root", root, "--port", "0", ...args]),
          ({ code, stderr }) => `${code} ${stderr.replaceAll(path, "PATH").replace(/^effect-inet: /m, "")}`
        )
      const url = "http://127.0.0.1/"
      assert.strictEqual(
        yield* outcome("--fallback", "ftp://host/"),
        "2 --fallback: invalid fallback URL ftp://host/: must be http://, https:// or tftp://, a host, and a folder\n"
      )
      assert.strictEqual(
        yield* outcome("--fallback-cache", `${path}/cache`),
        "2 --fallback-cache needs --fallback: name the server of the files, too\n"
      )
      assert.strictEqual(
        yield* outcome("--fallback", url, "--fallback-cache", `${root}/cache`),
        "2 --fallback-cache PATH/root/cache is inside of a folder that is served; name another folder\n"
      )
      assert.strictEqual(
        yield* outcome("--fallback", url, "--fallback-cache", `${root}/text`),
        "1 tftp: --fallback-cache PATH/root/text: file already exists\n"
      )
      assert.strictEqual(
        yield* outcome("--on-upload", `${root}/text`),
        "1 tftp: --on-upload PATH/root/text: permission denied; name an executable program\n"
      )
    }).pipe(Effect.scoped)
  )
})
