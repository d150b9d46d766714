import { serve } from '../../src/cli/serve.ts';
import { stubModel } from './stub.ts';

serve(stubModel);
