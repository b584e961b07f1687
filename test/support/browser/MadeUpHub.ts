/** A hub whose updates the test makes: without sources, and without conflation on the server. */
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import { EncodedUpdate } from "../../../src/web/EncodedUpdate.ts"
import type * as PageHub from "../../../src/web/PageHub.ts"
import type * as PageState from "../../../src/web/PageState.ts"

/** A hub whose updates the test makes. */
export interface MadeUpHub {
  readonly hub: PageHub.PageHub
  /** Sends an update to all browsers that watch. */
  readonly push: (update: PageState.Update) => void
  /** Number of browsers that watch. */
  readonly watchers: () => number
}

const encode = (update: PageState.Update) => new EncodedUpdate(update, JSON.stringify(update))

/** Makes a hub. A browser gets `first`, and what is pushed after it. */
export const make = (first: PageState.Update): MadeUpHub => {
  const updates = Effect.runSync(PubSub.unbounded<PageState.Update>())
  let latest = first
  let watchers = 0
  const all = Stream.unwrap(
    Effect.gen(function* () {
      yield* Effect.acquireRelease(
        Effect.sync(() => watchers++),
        () => Effect.sync(() => watchers--)
      )
      const subscription = yield* PubSub.subscribe(updates)
      return Stream.concat(
        Stream.sync(() => latest),
        Stream.fromSubscription(subscription)
      )
    })
  )
  return {
    hub: {
      register: () => Effect.void,
      updates: all,
      encodedUpdates: Stream.map(all, encode)
    },
    push: (update) => {
      latest = { ...latest, ...update }
      Effect.runSync(PubSub.publish(updates, update))
    },
    watchers: () => watchers
  }
}
