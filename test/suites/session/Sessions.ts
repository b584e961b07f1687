/** Tests of a session that hold under every concurrency model, on any network. */
import * as SessionsEnds from "./SessionsEnds.ts"
import * as SessionsLimits from "./SessionsLimits.ts"
import * as SessionsShared from "./SessionsShared.ts"
import type { Subject } from "./SessionsSubjects.ts"
import * as SessionsTurns from "./SessionsTurns.ts"

/** Registers all tests. */
export const suite = (subject: Subject) => {
  SessionsTurns.suite(subject)
  SessionsEnds.suite(subject)
  SessionsShared.suite(subject)
  SessionsLimits.suite(subject)
}
