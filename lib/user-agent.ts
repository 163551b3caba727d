// What Drover calls itself. SharePoint throttles traffic first that does not say so in this form.
import { version } from './version.ts';

export const userAgent = `NONISV|Drover|Drover/${version}`;
