/** Fetches 1,000 pages of a web server on two threads; the server runs here, too. */
import * as Http from "node:http"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { Farm, NodeThreadWorkers } from "effect-inet/farm"
import { job } from "./fetch-urls-job.ts"

/** A server whose page N has N characters; pages beyond 999 are missing. */
const server = Http.createServer(({ url = "" }, response) => {
  const chars = Number(url.slice(1))
  response.writeHead(chars < 1_000 ? 200 : 404).end("x".repeat(chars))
})
const listen = Effect.callback<number>((resume) => {
  server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as { port: number }).port)))
})
const close = Effect.sync(() => {
  server.close()
  server.closeAllConnections()
})

Effect.gen(function* () {
  const port = yield* Effect.acquireRelease(listen, () => close)
  const workers = NodeThreadWorkers.make({ module: new URL("./fetch-urls-job.ts", import.meta.url), threads: 2 })
  const urls = Array.from({ length: 1_000 }, (_, page) => `http://127.0.0.1:${port}/${page}`)
  const pages = yield* Farm.run(job, urls, { workers })
  const chars = pages.reduce((all, page) => all + page.chars, 0)
  yield* Console.log(`${pages.filter(({ status }) => status === 200).length} pages, ${chars} characters`)
}).pipe(Effect.scoped, NodeRuntime.runMain)
