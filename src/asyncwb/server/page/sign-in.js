// For those who are not signed in: an API key, or a link from the command line.
import { html, useState } from "./lib.js";
import { signIn } from "./api.js";

export function SignIn({ onDone, problem }) {
  const [error, setError] = useState(problem);
  const submit = async (event) => {
    event.preventDefault();
    try {
      await signIn({ key: new FormData(event.target).get("key") });
      onDone();
    } catch (failure) {
      setError(failure.message);
    }
  };
  return html`<main class="sign-in"><form class="card" onSubmit=${submit}>
    <h1>Sign in</h1>
    <p>On the machine of the server, <code>asyncwb server open</code> opens this page signed in, and <code>asyncwb server url</code> prints an address that does so once.</p>
    <label>Or paste an API key of this server
      <input name="key" type="password" required autocomplete="current-password" spellcheck="false" autofocus /></label>
    ${error && html`<p class="error" role="alert">${error}</p>`}
    <button type="submit" class="primary">Sign in</button>
  </form></main>`;
}
