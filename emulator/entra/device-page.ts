// Where a person types the code that a program showed. There are no passwords: whoever reaches the page chooses who they are. A
// script posts the same three fields and is answered in plain text.
import type { Exchange, Reply } from '../http/exchange.ts';
import type { EntraContext } from './context.ts';
import { readForm } from './form.ts';

interface Outcome {
  status: number;
  text: string;
}

/** GET and POST /devicelogin. */
export async function answerDevicePage(exchange: Exchange, context: EntraContext): Promise<Reply> {
  if (exchange.method !== 'POST') {
    const typed = exchange.url.searchParams.get('user_code') ?? '';
    return page(200, form(typed, context));
  }
  const outcome = decide(await readForm(exchange), context);
  const wantsPage = (exchange.headers.accept ?? '').includes('text/html');
  if (wantsPage) return page(outcome.status, `<p role="status">${escape(outcome.text)}</p>`);
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };
  return { status: outcome.status, headers, body: `${outcome.text}\n` };
}

function decide(fields: URLSearchParams, context: EntraContext): Outcome {
  const userCode = fields.get('user_code') ?? '';
  const code = context.deviceCodes.findPending(userCode, context.now());
  if (code === undefined)
    return { status: 400, text: 'That code did not work. Check the code and try again.' };
  const action = fields.get('action');
  if (action === 'decline') {
    code.decision = { kind: 'declined' };
    return { status: 200, text: `You declined the sign-in to ${code.app.name}.` };
  }
  if (action !== 'approve')
    return { status: 400, text: "The field 'action' must be approve or decline." };
  const name = fields.get('user') ?? '';
  const user = context.directory.findUser(name);
  if (user === undefined)
    return {
      status: 400,
      text: `AADSTS50034: The user account ${name} does not exist in the ${context.directory.tenantId} directory.`,
    };
  code.decision = { kind: 'approved', user };
  const text =
    `You have signed in to ${code.app.name} on your device as ${user.principalName}. ` +
    'You may now close this window.';
  return { status: 200, text };
}

function form(typed: string, context: EntraContext): string {
  const people = context.directory.users.map(
    (user) =>
      `<option value="${escape(user.principalName)}">${escape(user.displayName)} (${escape(user.principalName)})</option>`,
  );
  return `<form method="post">
<p><label>The code that your device shows<br>
<input name="user_code" value="${escape(typed)}" autocomplete="off" autofocus required></label></p>
<p><label>Who you are<br><select name="user">${people.join('')}</select></label></p>
<p><button name="action" value="approve">Sign in</button>
<button name="action" value="decline">Decline</button></p>
</form>`;
}

function page(status: number, body: string): Reply {
  const html = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Sign in to a device</title>
<style>body{font:1rem system-ui,sans-serif;max-width:26rem;margin:4rem auto;padding:0 1rem}input,select,button{font:inherit;padding:.4rem}</style>
<h1>Sign in to a device</h1>
<p>This is an emulated tenant: nobody is asked for a password.</p>
${body}
</html>
`;
  const headers = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' };
  return { status, headers, body: html };
}

function escape(text: string): string {
  const named: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return text.replaceAll(/[&<>"]/g, (character) => named[character]!);
}
