// A tenant's sign-in for tests: the emulator's, as a process of its own, because no part of Drover reaches into another.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';

const program = fileURLToPath(
  new URL('../../emulator/entra/standalone-process.ts', import.meta.url),
);

export const tenantId = '6f1d8a52-3c0b-4e7a-9d52-70a4b8c1e933';
export const clientId = 'c3b1f0de-8a44-4f0e-b7a4-51d2e6a90c11';

/** What the emulator's sign-in is told, beside who the tenant is and where its keys lie. */
export type EntraSettings = Readonly<Record<string, unknown>>;

/** A sign-in that was started. */
export interface StartedEntra {
  /** An own folder, which ends with the process. */
  folder: string;
  port: number;
  /** PEM of the authority to trust. */
  certificate: string;
  end: () => Promise<void>;
}

export async function startEntra(given: EntraSettings): Promise<StartedEntra> {
  const folder = mkdtempSync(path.join(tmpdir(), 'drover-entra-'));
  const settings = {
    tenantId,
    tenantName: 'contoso',
    domain: 'contoso.com',
    keyFolder: path.join(folder, 'keys'),
    ...given,
  };
  const child = spawn(process.execPath, [program, JSON.stringify(settings)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const { port, certificate } = JSON.parse(line) as { port: number; certificate: string };
  const end = async () => {
    child.stdin.end();
    await exited;
    rmSync(folder, { recursive: true });
  };
  return { folder, port, certificate, end };
}

/** What every part's tests do with it. */
export class EntraProcess implements AsyncDisposable {
  readonly port: number;
  readonly authorityUrl: string;
  readonly folder: string;
  /** The authority to trust, PEM. */
  readonly caFile: string;
  readonly #dispatcher: Agent;
  readonly #end: () => Promise<void>;

  constructor({ folder, port, certificate, end }: StartedEntra) {
    this.port = port;
    this.authorityUrl = `https://localhost:${port}`;
    this.folder = folder;
    this.caFile = path.join(folder, 'ca.pem');
    writeFileSync(this.caFile, certificate);
    this.#dispatcher = new Agent({ connect: { ca: certificate } });
    this.#end = end;
  }

  /** How many requests there were to an endpoint, such as token. */
  async requestsTo(endpoint: string): Promise<number> {
    const { body } = await request(`${this.authorityUrl}/_requests`, {
      dispatcher: this.#dispatcher,
    });
    const requests = (await body.json()) as string[];
    return requests.filter((each) => each.endsWith(`/${endpoint}`)).length;
  }

  /** Does what the person does who reads the message with a code. */
  async decide(message: string, action: 'approve' | 'decline'): Promise<void> {
    const code = /enter the code (\w+)/.exec(message)?.[1] ?? '';
    await this.send('/devicelogin', { user_code: code, user: 'ann@contoso.com', action });
  }

  /** Posts a form; answers with the text. Throws when it is refused. */
  async send(place: string, form: Record<string, string>): Promise<string> {
    const { statusCode, body } = await request(`${this.authorityUrl}${place}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
      dispatcher: this.#dispatcher,
    });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${place} answered ${statusCode}: ${text}`);
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispatcher.close();
    await this.#end();
  }
}
