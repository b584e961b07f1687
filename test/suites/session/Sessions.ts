/** What holds for a session under every model, on any network. */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Network from "../../../src/network/Network.ts"
import type * as ConcurrencyModel from "../../../src/session/ConcurrencyModel.ts"
import type { Hosts } from "../../support/Hosts.ts"
import * as SessionsEnds from "./SessionsEnds.ts"
import * as SessionsLimits from "./SessionsLimits.ts"
import * as SessionsShared from "./SessionsShared.ts"
import * as SessionsTurns from "./SessionsTurns.ts"

/** What a test may use. */
type Body = Effect.Effect<void, unknown, Hosts | Scope.Scope>

/** A model under test, and how. */
export interface Subject {
  readonly serve: <S, Ask, Message>(
    program: ConcurrencyModel.LoadableProgram<S, Ask, Message>,
    options: ConcurrencyModel.Options
  ) => Effect.Effect<ConcurrencyModel.SessionServer, unknown, Network.Network | Scope.Scope>
  readonly traits: Traits
  /** Registers a test; its time is the network's. */
  readonly test: (name: string, body: Body) => void
}

/** In what models differ. */
export interface Traits {
  /** Clients that are served at the same time, at least; the others wait. */
  readonly maxConcurrentClients: number
  /** Clients are counted by one server: no more than `maxConnections`, and stats that are exact at once. */
  readonly hasExactLimit: boolean
  /** How many clients a test with many has: fewer where each costs a process. Default 60. */
  readonly manyClients?: number
}

/** Registers all tests. */
export const suite = (subject: Subject) => {
  SessionsTurns.suite(subject)
  SessionsEnds.suite(subject)
  SessionsShared.suite(subject)
  SessionsLimits.suite(subject)
}
