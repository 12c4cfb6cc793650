"""Mail to SMS: `[options+]<apikey>+sms4512345678@<host>`, options as JSON in the subject."""
