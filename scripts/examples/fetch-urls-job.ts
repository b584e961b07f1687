/** A job that fetches URLs, as an Effect with a service: each thread makes its HTTP client once. */
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as Schema from "effect/Schema"
import { Job } from "effect-inet/farm"

const Page = Schema.Struct({ url: Schema.String, status: Schema.Int, chars: Schema.Int })

const fetchPage = Effect.fnUntraced(function* (url: string) {
  const response = yield* HttpClient.get(url)
  return { url, status: response.status, chars: (yield* response.text).length }
})

/** A packet has many URLs, because a thread works on one packet at a time, and fetches these together. */
const packetUrls = 50

export const job = Job.make({
  ...{ name: "fetch", version: 1, packet: Schema.Array(Schema.String), result: Schema.Array(Page) },
  split: function* (urls: ReadonlyArray<string>) {
    for (let at = 0; at < urls.length; at += packetUrls) yield urls.slice(at, at + packetUrls)
  },
  work: (urls) => Effect.forEach(urls, fetchPage, { concurrency: 10 }),
  layer: FetchHttpClient.layer,
  empty: [] as ReadonlyArray<typeof Page.Type>,
  merge: (pages, more) => [...pages, ...more]
})
