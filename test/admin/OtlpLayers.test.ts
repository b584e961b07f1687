import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Logger from "effect/Logger"
import * as OtlpLayers from "../../src/admin/OtlpLayers.ts"

const refused = new TypeError("fetch failed", {
  cause: Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:4318"), { code: "ECONNREFUSED" })
})

describe("OtlpLayers", () => {
  it.effect("logs once that the collector takes nothing, and once that it does again", () =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${message}`))
      const results: ReadonlyArray<"refused" | number> = [200, "refused", "refused", 503, 200, 204, 503]
      let at = 0
      const client = OtlpLayers.reporting(
        HttpClient.make((request) => {
          const result = results[at++]!
          return result === "refused"
            ? Effect.fail(
                new HttpClientError.HttpClientError({
                  reason: new HttpClientError.TransportError({ request, cause: refused })
                })
              )
            : Effect.succeed(HttpClientResponse.fromWeb(request, new Response(null, { status: result })))
        })
      )
      const url = "http://127.0.0.1:4318/v1/logs"
      for (const _ of results) yield* Effect.ignore(client.post(url)).pipe(Effect.provide(Logger.layer([logger])))
      assert.deepStrictEqual(lines, [
        `Warn: telemetry is not exported to ${url}, retrying: connection refused`,
        `Info: telemetry is exported again to ${url}`,
        `Warn: telemetry is not exported to ${url}, retrying: the collector responds with status 503`
      ])
    })
  )
})
