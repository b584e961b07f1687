/** Reads the text of a fault plan for a real network. */
import * as Result from "effect/Result"
import type { FaultPlan } from "../../../simulation/faults/FaultPlan.ts"
import * as FaultPlanSyntax from "../../../simulation/faults/FaultPlanSyntax.ts"
import * as Impairment from "../../../simulation/impairment/Impairment.ts"

/** The plan, or what it should have been. */
export const parseFaultPlan = (text: string): Result.Result<FaultPlan, string> =>
  Result.mapError(
    Result.flatMap(
      Result.mapError(FaultPlanSyntax.parse(text), ({ message }) => message),
      (plan) => Result.mapError(Impairment.check(plan), ({ message }) => message)
    ),
    (message) => `Expected a fault plan: ${message}`
  )
