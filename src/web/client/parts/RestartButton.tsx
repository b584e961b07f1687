/** The button that restarts a service. It asks first: a restart ends the service's connections. */
import { useEffect, useRef, useState } from "preact/hooks"
import { useClient } from "../hooks.tsx"

type Step = "idle" | "asking" | "running"

/** Restarts a service. */
export const RestartButton = ({ service }: { readonly service: string }) => {
  const client = useClient()
  const [step, setStep] = useState<Step>("idle")
  const [message, setMessage] = useState("")
  const confirm = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    if (step === "asking") confirm.current?.focus()
  }, [step])
  const restart = async () => {
    setStep("running")
    const error = await client.restart(service)
    setMessage(error === undefined ? "Restarted" : `Not restarted: ${error}`)
    setStep("idle")
  }
  const ask = () => {
    setMessage("")
    setStep("asking")
  }
  return (
    <div class="row">
      {step === "asking" ? (
        <>
          <span class="small">This ends its connections.</span>
          <button type="button" class="button button-small button-primary" ref={confirm} onClick={restart}>
            Restart now
          </button>
          <button type="button" class="button button-small" onClick={() => setStep("idle")}>
            Cancel
          </button>
        </>
      ) : (
        <button type="button" class="button button-small" disabled={step === "running"} onClick={ask}>
          {step === "running" ? "Restarting" : "Restart"}
        </button>
      )}
      <span class="small wrap" role="status">
        {message}
      </span>
    </div>
  )
}
