// The task that runs an agent under Windows' Task Scheduler. PURE: a text of its parts. A task and no service, because Windows talks with
// services in a way of its own, which Node.js does not, so that a service would need a wrapper from elsewhere; a task starts with the
// computer, runs whether or not somebody is signed in, and is started again when it ends. Nothing has to be installed.
import { command, serviceMark, type ServicePlan } from './systemd-unit.ts';

export const taskName = 'Drover agent';

/**
 * However it ended, it is started again within this time, as systemd does it; while it runs that changes nothing. What is restarted on failure
 * is so at most 255 times (the count is an unsignedByte), and a program that ends with a status may not be counted as one that failed.
 */
export const startAgainMinutes = 5;

/** LocalSystem: no password has to be kept for it. Shares are read with the accounts of the vault. */
const systemAccount = 'S-1-5-18';

/** The definition as `schtasks /Create /XML` takes it, to be written as UTF-16 with a byte order mark. */
export function windowsTask(plan: ServicePlan): string {
  const [node = '', ...options] = command(plan);
  return `<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Source>${serviceMark}</Source>
    <Description>Moves files for a Drover coordinator. ${serviceMark}; \`drover-agent service uninstall\` removes it.</Description>
  </RegistrationInfo>
  <Triggers>
    <BootTrigger>
      <Enabled>true</Enabled>
    </BootTrigger>
    <TimeTrigger>
      <Enabled>true</Enabled>
      <StartBoundary>2020-01-01T00:00:00</StartBoundary>
      <Repetition>
        <Interval>PT${startAgainMinutes}M</Interval>
      </Repetition>
    </TimeTrigger>
  </Triggers>
  <Principals>
    <Principal id="Agent">
      <UserId>${systemAccount}</UserId>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <Priority>5</Priority>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>255</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Agent">
    <Exec>
      <Command>${escaped(node)}</Command>
      <Arguments>${escaped(options.map(quoted).join(' '))}</Arguments>
      <WorkingDirectory>${escaped(plan.dataFolder)}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
`;
}

/** As programs on Windows take their command line apart: backslashes count before a quotation mark only. */
function quoted(argument: string): string {
  if (/^[^\s"]+$/.test(argument)) return argument;
  const inner = argument.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1');
  return `"${inner}"`;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
