## frame
