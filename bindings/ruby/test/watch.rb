# frozen_string_literal: true

# Bounded waits, and what a process that hangs was doing: a hang is a failure that tells something.
module Watch
  WAIT_S = 60
  # How long a process may take to print its stack.
  DUMP_S = 20

  module_function

  def now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  # Waits until the block gives something true, and returns that.
  # @raise [RuntimeError] when it does not
  def until_true(what, timeout: WAIT_S)
    deadline = now + timeout
    loop do
      found = yield
      return found if found
      raise "never happened: #{what}" if now > deadline

      sleep 0.001
    end
  end

  # Waits for the end of a child of this process. One that hangs says where, and is killed.
  # @return [Process::Status]
  # @raise [RuntimeError] when it hangs
  def reap(pid, timeout: WAIT_S)
    ended(pid, timeout) or begin
      kill(pid)
      raise "process #{pid} hangs"
    end
  end

  # Ends a child after it has said where it is.
  def kill(pid)
    warn "Process #{pid} hangs:"
    Dir["/proc/#{pid}/task/*"].each { |task| warn "  #{describe(task)}" }
    system('gdb', '-p', pid.to_s, '-batch', '-ex', 'thread apply all backtrace 40', out: :err)
    # Ruby prints its own stack when it crashes.
    Process.kill('SEGV', pid)
    return if ended(pid, DUMP_S)

    Process.kill('KILL', pid)
    Process.wait(pid)
  end

  def ended(pid, timeout)
    until_true("the end of #{pid}", timeout:) { Process.wait2(pid, Process::WNOHANG) }.last
  rescue RuntimeError
    nil
  end

  # The name, the state and the place in the kernel of a thread.
  def describe(task)
    %w[comm stat wchan].map { |name| File.read("#{task}/#{name}").strip }.join(' | ')
  rescue SystemCallError => e
    e.message
  end
end
