// Choices in the cron builder, and presets, fill a field in by a request. A form that is sent meanwhile waits for it,
// or it would be saved with the schedule of before.
const LONGEST_MS = 5000;
const LOOK_MS = 30;

let until = 0;

const fills = (element) => element?.closest?.("#builder, [name='preset']");
const mark = () => (until = Date.now() + LONGEST_MS);

document.addEventListener("change", (event) => fills(event.target) && mark());
document.addEventListener("click", (event) => event.target.closest?.("[name='preset']") && mark());

document.addEventListener("htmx:finally:request", (event) => {
  // One that a newer choice replaced is not the end of it.
  const { sourceElement, request } = event.detail.ctx;
  if (fills(sourceElement) && !request.signal?.aborted) until = 0;
});

// Enter is a choice made, not the end of the form.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.matches?.("#builder input")) return;
  event.preventDefault();
  event.target.dispatchEvent(new Event("change", { bubbles: true }));
});

function sendWhenFilled(form, submitter) {
  if (Date.now() < until) {
    setTimeout(sendWhenFilled, LOOK_MS, form, submitter);
    return;
  }
  const fault = document.getElementById("built-fault");
  if (fault?.childElementCount) fault.closest("#builder").querySelector("input:checked")?.focus();
  else form.requestSubmit(submitter);
}

document.addEventListener(
  "submit",
  (event) => {
    if (event.target.id !== "check-form" || Date.now() >= until) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    sendWhenFilled(event.target, event.submitter);
  },
  true,
);
