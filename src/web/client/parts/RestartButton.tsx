/** The button that restarts a service. It asks first: a restart ends the service's connections. */
import { useEffect, useRef, useState } from "preact/hooks"
import { useClient } from "../hooks.tsx"

type Step = "idle" | "asking" | "running"

/** Restarts a service. */
export const RestartButton = (props: { readonly service: string; readonly warning: string }) => {
  const { service, warning } = props
  const client = useClient()
  const [step, setStep] = useState<Step>("idle")
  const [message, setMessage] = useState("")
  const hasAsked = useRef(false)
  // The button that has the focus is replaced with each step: the next one gets it.
  const next = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    if (step === "asking") hasAsked.current = true
    if (hasAsked.current) next.current?.focus()
  }, [step])
  const restart = async () => {
    setStep("running")
    const error = await client.restart(service)
    setMessage(error === undefined ? "Restarted" : `Not restarted: ${error}`)
    setStep("idle")
  }
  const ask = () => {
    if (step === "running") return
    setMessage("")
    setStep("asking")
  }
  return (
    <div class="row">
      {step === "asking" ? (
        <>
          <span class="small">{warning}</span>
          <button type="button" class="button button-small button-primary" ref={next} onClick={restart}>
            Restart now
          </button>
          <button type="button" class="button button-small" onClick={() => setStep("idle")}>
            Cancel
          </button>
        </>
      ) : (
        <button type="button" class="button button-small" ref={next} aria-disabled={step === "running"} onClick={ask}>
          {step === "running" ? "Restarting" : "Restart"}
        </button>
      )}
      <span class="small wrap" role="status">
        {message}
      </span>
    </div>
  )
}
